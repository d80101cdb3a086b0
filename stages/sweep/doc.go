// Package sweep does all in one.
package sweep

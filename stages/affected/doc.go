// Package affected says who would change.
package affected

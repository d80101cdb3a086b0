// Package explain says why.
package explain

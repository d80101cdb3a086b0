// Package plan decides every change.
package plan

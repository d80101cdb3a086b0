// Package archtest holds the test that keeps the import directions of the
// project: data flows one way through the rooms, and so do imports.
package archtest

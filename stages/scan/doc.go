// Package scan reads the headers of a facility into the ledger.
package scan

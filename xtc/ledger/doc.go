// Package ledger keeps what the XTC headers said.
package ledger

package tx

import "errors"

// Conditions that callers tell apart with errors.Is.
var (
	// ErrNotFound: there is no transaction of that id.
	ErrNotFound = errors.New("no such transaction")

	// ErrRunning: another process works on the transaction.
	ErrRunning = errors.New("another process works on this transaction; wait until it is done")

	// ErrFinished: the transaction has its result and takes no more records.
	ErrFinished = errors.New("the transaction is finished")

	// ErrDamaged: a file of the transaction is not what was written.
	ErrDamaged = errors.New("damaged; restore the file from a backup")

	// ErrNoObject: a previous content is not kept.
	ErrNoObject = errors.New("these previous contents are not kept")

	// ErrTooLarge: something is larger than its limit.
	ErrTooLarge = errors.New("larger than the limit")

	// ErrPlace: the parts of a place do not make a path below a calibration directory.
	ErrPlace = errors.New("not a place in a calibration directory")

	// ErrRecord: a record lacks what its kind needs.
	ErrRecord = errors.New("not a journal record")

	// ErrID: the text is no transaction id.
	ErrID = errors.New("not a transaction id: YYYYmmddTHHMMSSZ-<8 hexadecimal digits>")

	// ErrJournal: a write to the journal failed, so nothing more can be claimed.
	// The transaction can be resumed when the cause is gone.
	ErrJournal = errors.New("the journal could not be written; the transaction can be resumed later")
)

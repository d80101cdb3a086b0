package dataset

// Configured returns psana's EventId right after the data source is made, before the
// first call of Next: that of the Configure with which the run begins, nil where it
// begins with something else.
func (e *Events) Configured() *EventID {
	if e.again || len(e.parts) == 0 {
		return nil
	}
	return e.reader.eventID(e.parts)
}

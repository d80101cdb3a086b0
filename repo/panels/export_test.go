package panels

// OfSize is the kind of panels of another size: those of the reference's cases are
// small.
func (k Kind) OfSize(rows, columns int) Kind {
	k.rows, k.columns = rows, columns
	return k
}

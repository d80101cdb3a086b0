package xtc

import "strings"

// Damage is the damage word of an Xtc: flags in the lower 24 bits, a byte of the
// detector's own in the upper 8.
type Damage uint32

// The damage flags. Part of the wire format, do not change.
const (
	DamageDroppedContribution    Damage = 1 << 1
	DamageUninitialized          Damage = 1 << 11
	DamageOutOfOrder             Damage = 1 << 12
	DamageOutOfSynch             Damage = 1 << 13
	DamageUserDefined            Damage = 1 << 14
	DamageIncompleteContribution Damage = 1 << 15 // the children of a container must not be read
	DamageContainsIncomplete     Damage = 1 << 16
)

var damageNames = []struct {
	flag Damage
	name string
}{
	{DamageDroppedContribution, "DroppedContribution"},
	{DamageUninitialized, "Uninitialized"},
	{DamageOutOfOrder, "OutOfOrder"},
	{DamageOutOfSynch, "OutOfSynch"},
	{DamageUserDefined, "UserDefined"},
	{DamageIncompleteContribution, "IncompleteContribution"},
	{DamageContainsIncomplete, "ContainsIncomplete"},
}

// User returns the detector's own byte; it means something only with
// DamageUserDefined.
func (d Damage) User() uint8 { return uint8(d >> 24) }

// Has reports whether all flags of mask are set.
func (d Damage) Has(mask Damage) bool { return d&mask == mask }

// String returns the names of the flags joined by "|", "" for no damage. Flags
// without a name are left out.
func (d Damage) String() string {
	var names []string
	for _, known := range damageNames {
		if d.Has(known.flag) {
			names = append(names, known.name)
		}
	}
	return strings.Join(names, "|")
}

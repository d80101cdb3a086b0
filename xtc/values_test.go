package xtc_test

import (
	"testing"
	"time"

	"deployconstants/xtc"
)

func TestClock(t *testing.T) {
	damaged := xtc.Clock{Sec: 1458367200, Nsec: 4294967295}
	if got, want := damaged.Time(), time.Date(2016, 3, 19, 6, 0, 4, 294967295, time.UTC); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	last := xtc.Clock{Sec: 4294967295}
	if got, want := last.Time(), time.Date(2106, 2, 7, 6, 28, 15, 0, time.UTC); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	ordered := []xtc.Clock{{}, {Nsec: 1}, {Sec: 1}, damaged, last}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := a.Compare(b); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%v and %v compare to %d", a, b, got)
			}
		}
	}
}

func TestDamage(t *testing.T) {
	d := xtc.Damage(0x5a00c002)
	if got, want := d.String(), "DroppedContribution|UserDefined|IncompleteContribution"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if d.User() != 0x5a {
		t.Errorf("the user byte is %#x", d.User())
	}
	if !d.Has(xtc.DamageUserDefined) || d.Has(xtc.DamageUserDefined|xtc.DamageOutOfOrder) {
		t.Error("Has asks for all flags")
	}
	if got := xtc.Damage(0).String(); got != "" {
		t.Errorf("no damage is %q", got)
	}
}

func TestTypeID(t *testing.T) {
	id := xtc.NewTypeID(xtc.TypeCspadElement, 2)
	packed := id | 1<<31
	if packed.Type() != xtc.TypeCspadElement || packed.Version() != 2 || packed.RawVersion() != 32770 || !packed.Compressed() || id.Compressed() {
		t.Errorf("%v and %v have other parts than they were made of", id, packed)
	}
	if got, want := packed.String(), "CspadElement V2 compressed"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

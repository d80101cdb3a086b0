package repo_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"deployconstants/repo"
)

// FuzzAliasFile: whatever an alias file holds, an id gets one alias, a new number
// is nobody else's, and what was there stays.
func FuzzAliasFile(f *testing.F) {
	f.Add("0001 ID1 t\n", "")
	f.Add("0001\tID1\r\n# x\n0002  ID  e\n", "\n\n3 ID1\n")
	f.Add("9999 x", "99999999999999999999 y")
	f.Add("x ID", "0001 ID\n0001 z")
	f.Fuzz(func(t *testing.T, documented, hidden string) {
		r := open(t, options())
		write(t, r, "epix100a/aliases.txt", documented)
		write(t, r, "epix100a/.aliases.txt", hidden)
		before, found, err := r.LookupAlias(epix(t, "ID"))
		if err != nil {
			return // a contradiction
		}
		got, err := alias(t, r, "ID")
		if !found && errors.Is(err, repo.ErrAliasFile) && strings.Contains(documented+hidden, "999999999") {
			return // no number is left
		}
		if err != nil || found && got != before {
			t.Fatalf("alias %q, %v, found %v as %q", got, err, found, before)
		}
		if again, err := alias(t, r, "ID"); err != nil || again != got {
			t.Errorf("alias %q, %v at the second call, %q at the first", again, err, got)
		}
		if strings.ContainsAny(got, "/. \n\x00") || got == "" {
			t.Errorf("alias %q would spoil a file name", got)
		}
		if !found {
			other, err := alias(t, r, "ANOTHER")
			if err == nil && other == got {
				t.Errorf("two ids are %s", got)
			}
		}
		for name, text := range map[string]string{"aliases.txt": documented, ".aliases.txt": hidden} {
			if now := read(t, filepath.Join(r.Dir(), "epix100a", name)); !strings.HasPrefix(now, text) {
				t.Errorf("%s was %q, now it is %q", name, text, now)
			}
		}
	})
}

// FuzzCandidates: a chosen name has the whole form and is not newer than asked for.
func FuzzCandidates(f *testing.F) {
	f.Add("epix100a_0001_20150101000000_xpptut15_r0260_gain.txt", "notes", uint64(20160318190730))
	f.Add("epix100a_0001_20150101000000_x_r_y_r1_gain.dat", "epix100a_0001_20150101000000__r1_gain.data", uint64(20150101000000))
	f.Add("epix100a_00012_20150101000000_e_r1_gain.txt", "epix100a_0001_2015010100000_e_r1_gain.txt", uint64(0))
	detType, err := repo.TypeNamed("epix100a")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, one, two string, at uint64) {
		index := repo.NewIndex([]string{one, two}, detType, "0001", repo.Gain)
		if n := len(index.Entries()) + len(index.Strays()); n > 2 {
			t.Errorf("%d names of 2", n)
		}
		entry, found := index.At(repo.Stamp(at))
		if !found {
			return
		}
		if entry.Name != one && entry.Name != two || entry.Stamp > repo.Stamp(at) {
			t.Errorf("chose %+v at %d", entry, at)
		}
		rest, ok := strings.CutPrefix(entry.Name, "epix100a_0001_"+entry.Stamp.String()+"_")
		stem, _, _ := strings.Cut(rest[strings.LastIndex(rest, "_")+1:], ".")
		if !ok || stem != "gain" || strings.Contains(entry.Name, "/") && !strings.Contains(one+two, "/") {
			t.Errorf("chose %q", entry.Name)
		}
	})
}

// FuzzStamp: a stamp that is accepted is 14 digits that begin with what was typed.
func FuzzStamp(f *testing.F) {
	for _, text := range []string{"2016", "20160318190730", "20160230", "0000", "２０１６", "+201"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		stamp, err := repo.ParseStamp(text)
		if err != nil {
			return
		}
		full := stamp.String()
		if len(full) != 14 || !strings.HasPrefix(full, text) || full != fmt.Sprintf("%014d", uint64(stamp)) {
			t.Errorf("%q became %s", text, full)
		}
		if again, err := repo.ParseStamp(full); err != nil || again != stamp {
			t.Errorf("%s became %v, %v", full, again, err)
		}
	})
}

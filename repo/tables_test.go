package repo_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/testenv"
	"deployconstants/repo"
)

func TestDetectorTypesTable(t *testing.T) {
	type row struct {
		Device  string
		Dettype string `json:"dettype_dir"`
		Group   string `json:"calib_group_by_index"`
		ByName  string `json:"calib_group_by_lower_name"`
	}
	seen := map[string]bool{}
	for _, row := range table[row](t, "detector_types") {
		t.Run(row.Device, func(t *testing.T) {
			testenv.Case(t, "tables/detector_types")
			got, err := repo.TypeOfSource("XppEndstation.0:" + row.Device + ".1")
			if row.Group == "UNDEFINED" {
				// compat 23: a device without a type is an error naming the known ones.
				if !errors.Is(err, repo.ErrUnknownType) || !strings.Contains(err.Error(), "Epix100a") {
					t.Errorf("%+v, %v, want ErrUnknownType with the known devices", got, err)
				}
				return
			}
			want := repo.DetType{Name: row.Dettype, Device: row.Device, Group: row.Group}
			if err != nil || got != want || row.ByName != row.Group {
				t.Errorf("%+v, %v, want %+v", got, err, want)
			}
			if named, err := repo.TypeNamed(row.Dettype); err != nil || named != want {
				t.Errorf("TypeNamed: %+v, %v, want %+v", named, err, want)
			}
			if deployable := row.Device != "Evr"; got.Deployable() != deployable {
				t.Errorf("deployable: %v", got.Deployable())
			}
			seen[row.Dettype] = true
		})
	}
	for _, known := range repo.Types() {
		if !seen[known.Name] {
			t.Errorf("%s is not in the table", known.Name)
		}
	}
}

func TestCTypesTable(t *testing.T) {
	type row struct {
		Index int
		Name  string
		DType string
	}
	rows := table[row](t, "ctypes")
	order := repo.PsanaCTypes()
	if len(rows) != len(order) {
		t.Errorf("%d types, want %d", len(order), len(rows))
	}
	for _, row := range rows {
		t.Run(row.Name, func(t *testing.T) {
			testenv.Case(t, "tables/ctypes")
			ctype, err := repo.ParseCType(row.Name)
			if err != nil || ctype.Deployed() != ctype || order[row.Index] != ctype {
				t.Errorf("%q, %v, deployed %q, at %d %q", ctype, err, ctype.Deployed(), row.Index, order[row.Index])
			}
			want := row.DType
			if want == "str" {
				want = "none"
			}
			if ctype.DType().String() != want {
				t.Errorf("dtype %v, want %s", ctype.DType(), want)
			}
		})
	}
}

func TestRunStampsTable(t *testing.T) {
	type row struct {
		Sec, Nsec int64
		Stamp     string `json:"YYYYmmddHHMMSS"`
		Day       string `json:"YYYYmmdd"`
	}
	// compat 9: integer nanoseconds are rounded down; the original's doubles
	// show these moments as the next second.
	differ := map[string]string{
		"1458353249.999999999": "20160318190729",
		"1458353249.999999881": "20160318190729",
		"1458353249.999999882": "20160318190729",
		"1458353249.999999885": "20160318190729",
	}
	zone, err := repo.LoadZone("")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range table[row](t, "run_timestamps_America_Los_Angeles") {
		moment := fmt.Sprintf("%d.%09d", row.Sec, row.Nsec)
		t.Run(moment, func(t *testing.T) {
			testenv.Case(t, "tables/run_timestamps")
			want := row.Stamp
			if ours, differs := differ[moment]; differs {
				if ours == want {
					t.Error("does not differ")
				}
				want = ours
				delete(differ, moment)
			}
			got := repo.StampOf(time.Unix(row.Sec, row.Nsec), zone).String()
			if got != want || got[:8] != row.Day {
				t.Errorf("%s, want %s of the day %s", got, want, row.Day)
			}
		})
	}
	if len(differ) > 0 {
		t.Errorf("not in the table: %v", differ)
	}
}

func TestFindFileTable(t *testing.T) {
	type row struct {
		Files   []string
		Pattern string
		Stamp   any `json:"tstamp"`
		Listing string
		Result  *string
		Error   string
	}
	const any14 = "compat 7: the name must have the whole form, with 14 digits"
	differ := map[int]struct{ reason, ours string }{
		14: {"compat 7: another alias", ""}, 15: {"compat 7: another alias", ""},
		16: {any14, ""}, 17: {any14, ""}, 18: {any14, ""}, 19: {any14, ""}, 20: {any14, ""}, 21: {any14, ""},
		22: {any14, ""}, 23: {any14, ""}, 24: {any14, ""}, 25: {any14, ""}, 26: {any14, ""}, 27: {any14, ""},
		28: {any14, ""}, 29: {any14, ""}, 30: {any14, ""}, 31: {any14, ""}, 32: {any14, ""}, 33: {any14, ""},
		34:  {"compat 7: equal stamps", "epix100a_0001_20150101000000_xpptut15_r0260_gain.txt"},
		60:  {"compat 7: alias 00010 is another", "epix100a_0001_20150921181555_cxi00217_r0100_gain.txt"},
		62:  {"compat 7: equal stamps", "epix100a_0001_20161105062128_mfx12345_r0958_gain.txt"},
		82:  {"compat 7: equal stamps", "epix100a_0001_20121228161445_xpptut15_r0749_gain.txt"},
		96:  {"compat 7: alias 00010 is another", "epix100a_0001_20140317155806_xpptut15_r0888_gain.txt"},
		102: {"compat 7: equal stamps", "epix100a_0001_20150126033639_xpptut15_r0625_gain.txt"},
		110: {"compat 7: alias 00010 is another", "epix100a_0001_20130524033759_cxi00217_r0773_gain.txt"},
		111: {"compat 7: alias 00010 is another", "epix100a_0001_20130524033759_cxi00217_r0773_gain.txt"},
		118: {"compat 7: alias 00010 is another", ""}, 119: {"compat 7: alias 00010 is another", ""},
		126: {"compat 7: equal stamps", "epix100a_0001_20160803002336_xpptut15_r0993_gain.data"},
		128: {"compat 7: equal stamps", "epix100a_0001_20161215071733_mfx12345_r0332_gain.txt"},
		132: {"compat 7: alias 00010 is another", "epix100a_0001_20150801222910_cxi00217_r0804_gain.data"},
		134: {"compat 7: alias 00010 is another", "epix100a_0001_20150516055510_cxi00217_r0217_gain.txt"},
		142: {"compat 7: equal stamps", "epix100a_0001_20140108032455_xpptut15_r0974_gain.txt"},
		144: {"compat 7: alias 00010 is another", ""}, 145: {"compat 7: alias 00010 is another", ""},
		154: {"compat 7: alias 00010 is another", ""}, 155: {"compat 7: alias 00010 is another", ""},
		170: {"compat 7: alias 00010 is another", ""}, 171: {"compat 7: alias 00010 is another", ""},
		208: {"compat 7: alias 00010 is another", "epix100a_0001_20160528004021_cxi00217_r0664_gain.txt"},
		209: {"compat 7: alias 00010 is another", "epix100a_0001_20160528004021_cxi00217_r0664_gain.txt"},
		232: {"compat 7: alias 00010 is another", ""}, 233: {"compat 7: alias 00010 is another", ""},
		256: {"compat 7: alias 00010 is another", "epix100a_0001_20160127061512_cxi00217_r0279_gain.txt"},
		286: {"compat 7: equal stamps", "epix100a_0001_20130413200957_xpptut15_r0954_gain.txt"},
	}
	// Patterns of the multi-panel and geometry commands, whose rule is another;
	// and search stamps that are no numbers, which -t refuses before (compat 8).
	elsewhere := []int{38, 39, 40, 41, 42, 43}
	badStamps := []int{44, 45, 46, 47}
	for i, row := range table[row](t, "find_file_for_timestamp") {
		t.Run(fmt.Sprintf("%03d", i), func(t *testing.T) {
			testenv.Case(t, "tables/find_file_for_timestamp")
			detType, alias, _ := strings.Cut(row.Pattern, "_")
			known, err := repo.TypeNamed(detType)
			if slices.Contains(elsewhere, i) {
				if err == nil && !strings.Contains(alias, "-") {
					t.Errorf("pattern %q is one of this command", row.Pattern)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			stamp, err := searchStamp(row.Stamp)
			if slices.Contains(badStamps, i) {
				if err == nil {
					t.Errorf("stamp %v was accepted", row.Stamp)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := ""
			if row.Result != nil {
				want = *row.Result
			}
			if d, differs := differ[i]; differs {
				if d.ours == want && row.Error == "" {
					t.Errorf("does not differ (%s)", d.reason)
				}
				want = d.ours
			} else if row.Error != "" {
				t.Fatalf("the original fails: %s", row.Error)
			}
			got, _ := repo.NewIndex(row.Files, known, alias, repo.Gain).At(stamp)
			if got.Name != want {
				t.Errorf("%q, want %q", got.Name, want)
			}
		})
	}
}

// searchStamp reads the stamp of a row, which need not be a date.
func searchStamp(value any) (repo.Stamp, error) {
	var stamp repo.Stamp
	switch value := value.(type) {
	case float64:
		return repo.Stamp(value), nil
	case string:
		if _, err := fmt.Sscanf(value, "%d", &stamp); err != nil {
			return repo.ParseStamp(value)
		}
		return stamp, nil
	}
	return repo.ParseStamp("")
}

func TestAliasTable(t *testing.T) {
	type row struct {
		Before *string `json:"file_before"`
		ID     string
		Exp    *string
		Run    *int
		Extra  json.RawMessage
		Result string
		Error  string
		After  string `json:"file_after"`
	}
	const record = " 2022-06-09T12:19:26          e r0001 dubrovin\n"
	// What ours gives instead: the result and the file.
	differ := map[int]struct{ reason, result, after string }{
		4: {"compat 11: a blank in a field is escaped; the original's further field is given as a part of the source",
			"0001", "0001 ID1 2022-06-09T12:19:26 averyverylongexp r12345 s\\x201 dubrovin\n"},
		8:  {"compat 11: a missing newline is added", "0002", "0001 ID1\n0002 ID2" + record},
		12: {"compat 11: a line of one field is no record", "0001", "0001\n0001 ID2" + record},
		13: {"compat 11: an alias that is no number does not stop numbering", "0001", "x ID1\n0001 ID2" + record},
		17: {"compat 11: blanks in front", "0001", " 0001 ID1 t\n"},
		18: {"compat 11: tabs", "0001", "0001\tID1\tt\n"},
	}
	for i, row := range table[row](t, "alias_for_id") {
		t.Run(fmt.Sprintf("%02d", i), func(t *testing.T) {
			testenv.Case(t, "tables/alias_for_id")
			r := open(t, options())
			p := epix(t, row.ID)
			p.Source = source(t, row.Extra)
			file := filepath.Join(r.Dir(), "epix100a", "aliases.txt")
			if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
				t.Fatal(err)
			}
			if row.Before != nil {
				write(t, r, "epix100a/aliases.txt", *row.Before)
			}
			origin := repo.Origin{Run: -1}
			if row.Exp != nil {
				origin.Experiment = *row.Exp
			}
			if row.Run != nil {
				origin.Run = *row.Run
			}
			want, after := row.Result, row.After
			if d, differs := differ[i]; differs {
				want, after = d.result, d.after
			} else if row.Error != "" {
				t.Fatalf("the original fails: %s", row.Error)
			}
			got, err := r.Alias(t.Context(), p, origin)
			if err != nil || got != want {
				t.Errorf("alias %q, %v, want %q", got, err, want)
			}
			// The table's files were read in text mode, which hides CR.
			if text := strings.ReplaceAll(read(t, file), "\r\n", "\n"); text != after {
				t.Errorf("file %q, want %q", text, after)
			}
		})
	}
}

// source joins the further fields of a record in their order.
func source(t *testing.T, extra json.RawMessage) string {
	t.Helper()
	var fields []string
	decoder := json.NewDecoder(strings.NewReader(string(extra)))
	for depth, key := 0, true; decoder.More() || depth == 0; depth = 1 {
		token, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		if depth == 0 {
			continue
		}
		if !key {
			fields = append(fields, fmt.Sprint(token))
		}
		key = !key
	}
	return strings.Join(fields, " ")
}

// Every id that is known from the field is a directory and keeps its alias.
func TestRealPanelIDs(t *testing.T) {
	f, err := os.Open(testenv.Shared(t, "real", "text", "panel_ids.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := open(t, options())
	aliases := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		id, _, found := strings.Cut(lines.Text(), "\t")
		if !found || strings.HasPrefix(id, "#") {
			continue
		}
		t.Run(id, func(t *testing.T) {
			testenv.Case(t, "real/panel_ids")
			p := epix(t, id)
			if err := r.MakeTree(p); err != nil {
				t.Fatal(err)
			}
			alias, err := r.Alias(t.Context(), p, repo.Origin{Run: -1})
			if err != nil {
				t.Fatal(err)
			}
			if owner, taken := aliases[alias]; taken {
				t.Errorf("alias %s belongs to %s", alias, owner)
			}
			aliases[alias] = id
			again, found, err := r.LookupAlias(p)
			if err != nil || !found || again != alias {
				t.Errorf("looked up %q, %v, %v, want %q", again, found, err, alias)
			}
			if _, err := os.Stat(filepath.Join(r.Dir(), "epix100a", id, "common_mode")); err != nil {
				t.Error(err)
			}
		})
	}
	if len(aliases) != 24 {
		t.Errorf("%d ids, want 24", len(aliases))
	}
}

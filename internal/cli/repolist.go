package cli

import (
	"bufio"
	"fmt"
	"text/tabwriter"

	"deployconstants/repo"
)

// typeRow is a detector type as `repo ls --json` prints it.
type typeRow struct {
	Type     string     `json:"type"`
	Defaults []string   `json:"defaults"`
	Panels   []panelRow `json:"panels"`
}

type panelRow struct {
	Directory string              `json:"directory"`
	ID        string              `json:"id"`
	Alias     string              `json:"alias"`
	Constants map[string][]string `json:"constants"` // names by calibration type
}

func (r repositoryCommand) list() error {
	types, err := r.repository.List(r.Context.Context)
	if err != nil {
		return err
	}
	if r.json {
		return printJSON(r.out, typeRows(types))
	}
	out := bufio.NewWriter(r.out)
	for _, t := range types {
		fmt.Fprintln(out, t.Type.Name)
		for _, name := range t.Defaults {
			fmt.Fprintf(out, "  default/%s\n", oneLine(name))
		}
		for _, panel := range t.Detectors {
			fmt.Fprintf(out, "  %s  alias %s\n", oneLine(panel.Dir), dash(panel.Alias))
			for _, ctype := range panel.CTypes {
				for _, name := range ctype.Files {
					fmt.Fprintf(out, "    %s/%s\n", oneLine(ctype.CType), oneLine(name))
				}
			}
		}
	}
	return out.Flush()
}

func typeRows(types []repo.TypeListing) []typeRow {
	rows := []typeRow{}
	for _, t := range types {
		row := typeRow{Type: t.Type.Name, Defaults: append([]string{}, t.Defaults...), Panels: []panelRow{}}
		for _, panel := range t.Detectors {
			constants := map[string][]string{}
			for _, ctype := range panel.CTypes {
				constants[ctype.CType] = append([]string{}, ctype.Files...)
			}
			row.Panels = append(row.Panels, panelRow{panel.Dir, panel.ID, panel.Alias, constants})
		}
		rows = append(rows, row)
	}
	return rows
}

// aliasRow is an alias as `repo aliases --json` prints it.
type aliasRow struct {
	Type  string `json:"type"`
	Alias string `json:"alias"`
	ID    string `json:"id"`
}

func (r repositoryCommand) aliases() error {
	wanted := map[string]bool{}
	for _, name := range r.Args().Slice() {
		if _, err := repo.TypeNamed(name); err != nil {
			return usageErrorf("%w", err)
		}
		wanted[name] = true
	}
	types, err := r.repository.List(r.Context.Context)
	if err != nil {
		return err
	}
	rows := []aliasRow{}
	for _, t := range types {
		if len(wanted) > 0 && !wanted[t.Type.Name] {
			continue
		}
		for _, a := range t.Aliases {
			rows = append(rows, aliasRow{t.Type.Name, a.Alias, a.ID})
		}
	}
	if r.json {
		return printJSON(r.out, rows)
	}
	table := tabwriter.NewWriter(r.out, 0, 8, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintf(table, "%s\t%s\t%s\n", row.Type, row.Alias, row.ID)
	}
	return table.Flush()
}

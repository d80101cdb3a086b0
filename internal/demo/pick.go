package main

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
)

// A deployed file of the demonstration: one that a transaction made from specific
// constants of a detector with a hardware id.
type deployed struct {
	transaction, path, constants   string
	experiment, run, source, ctype string
}

// pick finds one, in the machine-readable history.
func (d demo) pick() (deployed, error) {
	var list []struct{ ID string }
	if err := d.document(&list, "history", "--json"); err != nil {
		return deployed{}, err
	}
	if len(list) == 0 {
		return deployed{}, errors.New("no transaction")
	}
	var transaction struct {
		Records []struct {
			Kind, Action, Experiment, Group, Source, CType, Range, Constants string
			CalibDir                                                         string `json:"calib_dir"`
		}
	}
	if err := d.document(&transaction, "history", "--json", list[0].ID); err != nil {
		return deployed{}, err
	}
	for _, r := range transaction.Records {
		begin, _, _ := strings.Cut(r.Range, "-")
		if r.Kind != "done" || r.Action != "create" || begin == "0" || strings.Contains(r.Constants, "/default/") || !strings.Contains(r.Source, "Epix100a") {
			continue
		}
		if e := d.Experiment(r.Experiment); e == nil || e.Number == 0 {
			continue // the single command finds what the experiment table has
		}
		return deployed{
			transaction: list[0].ID, constants: r.Constants,
			path:       filepath.Join(r.CalibDir, r.Group, r.Source, r.CType, r.Range+".data"),
			experiment: r.Experiment, run: begin, source: r.Source, ctype: r.CType,
		}, nil
	}
	return deployed{}, errors.New("the transaction created no file from specific constants")
}

// document runs a command that prints one JSON document.
func (d demo) document(into any, args ...string) error {
	cmd := exec.Command(d.program, args...)
	cmd.Env = []string{"DEPLOY_CONSTANTS_CONFIG=" + d.settings}
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	return json.Unmarshal(out, into)
}

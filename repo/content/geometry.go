package content

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// geometryFields are the fields of a line of geometry: parent and index, object and
// index, x0 y0 z0 [um], rot_z rot_y rot_x and tilt_z tilt_y tilt_x [deg]
// (PSCalib/GeometryAccess.py).
const geometryFields = 13

// geometry judges geometry: text whose lines are blank, comments, or objects.
func (j *judge) geometry(constants, deployed io.Reader) error {
	objects, err := j.objects(constants)
	if err != nil {
		return err
	}
	if j.notFinite.count > 0 {
		return &Problem{Kind: NotFinite, Element: j.notFinite.first, Count: j.notFinite.count, Message: fmt.Sprintf(
			"%d of %d objects have a position or angle that is not finite, the first is %s%s",
			j.notFinite.count, len(objects), name(objects[j.notFinite.first]), advice)}
	}
	if deployed == nil {
		return nil
	}
	old, err := (&judge{ctx: j.ctx, limits: j.limits}).objects(deployed)
	if isProblem(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for i, object := range objects {
		if i >= len(old) || object != old[i] {
			j.changed.add(i, 0)
		}
	}
	return j.tooChanged("objects", len(objects), func(i int) string { return name(objects[i]) })
}

// objects returns the lines of objects with single blanks between fields.
func (j *judge) objects(r io.Reader) ([]string, error) {
	limit := min(j.limits.maxBytes(), lineMax)
	in := lines{in: bufio.NewReaderSize(&limited{r: r, left: limit, max: limit}, 1<<14)}
	var objects []string
	for {
		if err := context.Cause(j.ctx); err != nil {
			return nil, err
		}
		line, err := in.next()
		switch {
		case errors.Is(err, io.EOF) && len(objects) == 0:
			return nil, &Problem{Kind: Unreadable, Message: "geometry without an object" + advice, Element: -1}
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, err
		case bytes.IndexByte(line, 0) >= 0:
			return nil, j.badLine(in.number, "is not text")
		case line[0] == '#': // an indented one is data
			continue
		}
		fields := strings.Fields(string(line))
		if len(fields) == 0 {
			continue
		}
		finite, err := j.object(in.number, fields)
		if err != nil {
			return nil, err
		}
		if !finite {
			j.notFinite.add(len(objects), 0)
		}
		objects = append(objects, strings.Join(fields, " "))
	}
}

// object checks the fields of a line and reports whether its numbers are finite.
func (j *judge) object(line int, fields []string) (finite bool, err error) {
	if len(fields) != geometryFields {
		return false, j.badLine(line, fmt.Sprintf("has %d fields, want %d", len(fields), geometryFields))
	}
	for _, i := range []int{1, 3} {
		if _, err := strconv.Atoi(fields[i]); err != nil {
			return false, j.badLine(line, fmt.Sprintf("has the index %q, want a whole number", clip([]byte(fields[i]))))
		}
	}
	finite = true
	for _, field := range fields[4:] {
		v, err := strconv.ParseFloat(field, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return false, j.badLine(line, fmt.Sprintf("has %q, want a number", clip([]byte(field))))
		}
		finite = finite && !math.IsNaN(v) && !math.IsInf(v, 0)
	}
	return finite, nil
}

func (j *judge) badLine(line int, what string) error {
	return &Problem{Kind: Unreadable, Message: fmt.Sprintf("geometry: line %d %s%s", line, what, advice), Element: -1}
}

// name is an object's name and index, escaped.
func name(object string) string {
	fields := strings.Fields(object)
	return fmt.Sprintf("object %q index %s", fields[2], fields[3])
}

package content_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"

	"deployconstants/repo"
	"deployconstants/repo/content"
)

func ExampleLimits_Check() {
	opal, err := repo.TypeNamed("opal1000")
	if err != nil {
		log.Fatal(err)
	}
	subject := content.Subject{Type: opal, CType: repo.RMS}
	err = content.Limits{}.Check(context.Background(), subject, strings.NewReader("1.5 2\n3 -4\n"), nil)
	if problem, held := errors.AsType[*content.Problem](err); held {
		fmt.Println(problem.Kind)
		fmt.Println(problem.Message)
	}
	// Output:
	// range
	// 1 of 4 elements are outside of the range 0 to 65536, the first is element (1,1): -4; repair or withdraw the file in the repository, or change content.pixel_rms in the settings
}

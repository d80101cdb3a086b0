package atomicfile_test

import (
	"fmt"
	"log"
	"os"
	"strings"

	"deployconstants/internal/atomicfile"
)

func ExamplePublish() {
	dir, err := os.MkdirTemp("", "calib")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	root, err := os.OpenRoot(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer root.Close()

	options := atomicfile.Options{Mode: 0o664, Group: -1, KeepExisting: true}
	for _, content := range []string{"0.06 0.06\n", "0.06 0.06\n", "0.05 0.06\n"} {
		result, err := atomicfile.Publish(root, "0-end.data", strings.NewReader(content), options)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(result.Created, result.Unchanged, result.Replaced, result.Bytes)
	}
	// Output:
	// true false false 10
	// false true false 10
	// false false true 10
}

package target_test

import (
	"log"
	"os"
	"testing"
)

// TestMain makes the test binary the system of the example, if it is called as
// its members are.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		log.Fatal(serve(os.Args[2]))
	}
	os.Exit(m.Run())
}

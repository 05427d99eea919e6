package disk

import (
	"fmt"

	"github.com/usurper/usurper/harness/guard"
)

func openFiles(g *guard.Guard, mount string) (Volume, error) {
	return nil, fmt.Errorf("kind %s: %w", FUSE, ErrUnsupported)
}

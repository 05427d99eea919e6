package setup

import (
	"fmt"
	"math"
	"strconv"

	"github.com/dustin/go-humanize"
)

// usualCapture is what --capture alone means.
const usualCapture = "256MiB"

// captureFlag is the value of --capture: how many bytes a capture may have.
type captureFlag int64

// String is the value as it is given, "" for no capture.
func (f *captureFlag) String() string {
	if *f == 0 {
		return ""
	}
	return humanize.IBytes(uint64(*f))
}

// Set takes a size such as 256MiB, or a truth value.
func (f *captureFlag) Set(text string) error {
	n, err := humanize.ParseBytes(text)
	if yes, is := strconv.ParseBool(text); is == nil && len(text) > 1 { // 1 is a size
		n, err = 0, nil
		if yes {
			n, err = humanize.ParseBytes(usualCapture)
		}
	}
	if err != nil || n > math.MaxInt64 {
		return fmt.Errorf("%q is no size: use one such as 64MiB", text)
	}
	*f = captureFlag(n)
	return nil
}

// Type is how help calls the value.
func (*captureFlag) Type() string { return "size" }

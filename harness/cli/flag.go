package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/usurper/usurper/harness/text"
)

// badFlag says what is wrong with a flag of a command line, and what would be right.
func badFlag(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		return fmt.Errorf("--%s %s: %s", f.Name, text.Shorten(strconv.Quote(invalid.GetValue()), text.Token), right(f, invalid.GetValue(), err))
	case errors.As(err, &missing):
		f := missing.GetFlag()
		if like := example(f, ""); like != "" {
			return fmt.Errorf("--%s needs a value, such as --%s %s", f.Name, f.Name, like)
		}
		return fmt.Errorf("--%s needs a value", f.Name)
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		return fmt.Errorf("unknown flag: %s%s", text.Shorten("--"+unknown.GetSpecifiedName(), text.Token), text.DidYouMean("--"+unknown.GetSpecifiedName(), names))
	}
	return text.Brief(err, text.Token)
}

// right says what a flag takes.
func right(f *pflag.Flag, value string, err error) string {
	cause := errors.Unwrap(err)
	kind := f.Value.Type()
	if kind == "duration" && cause != nil && !strings.HasPrefix(cause.Error(), "time: ") {
		kind = "" // of a flag that has words of its own
	}
	switch kind {
	case "duration":
		return "use a time with its unit, such as " + example(f, value)
	case "int", "int64", "float64":
		return "use a number, such as " + example(f, value)
	case "uint", "uint64":
		return "use a number from 0 on, such as " + example(f, value)
	case "bool":
		return "say --" + f.Name + " alone, or --" + f.Name + "=false"
	}
	if cause != nil {
		err = cause
	}
	return text.Brief(err, text.Token).Error()
}

// example is a value that a flag takes, as near as may be to one that it does not; "" if
// it takes any.
func example(f *pflag.Flag, value string) string {
	switch f.Value.Type() {
	case "duration":
		if n, err := strconv.ParseFloat(value, 64); err == nil && n > 0 && n < 1e6 {
			return value + "s"
		}
		if d := f.DefValue; d != "" && d != "0s" {
			return d
		}
		return "4s"
	case "int", "int64", "uint", "uint64", "float64":
		if d := strings.TrimSpace(f.DefValue); d != "" && d != "0" {
			return d
		}
		return "100"
	}
	return ""
}

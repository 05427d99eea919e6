package morning_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/night/morning"
)

// published compiles the schema that the documents publish.
func published(t require.TestingT) *jsonschema.Schema {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile("../../../docs/night.schema.json")
	require.NoError(t, err)
	return s
}

func conforms(t require.TestingT, s *jsonschema.Schema, write func(io.Writer) error) {
	var b bytes.Buffer
	require.NoError(t, write(&b))
	value, err := jsonschema.UnmarshalJSON(&b)
	require.NoError(t, err)
	require.NoError(t, s.Validate(value), b.String())
}

// What is written is what the published schema says, and nothing that it does not name.
func TestSchema(t *testing.T) {
	s := published(t)
	for _, make := range []func() ([]entry.Entry, morning.Night){quiet, unknown, bad} {
		r := report(make())
		conforms(t, s, r.JSON)
	}
	empty := morning.NewTally().Report(morning.Night{})
	conforms(t, s, empty.JSON)
	refused, err := jsonschema.UnmarshalJSON(bytes.NewBufferString(`{"format": 1}`))
	require.NoError(t, err)
	require.Error(t, s.Validate(refused))
}

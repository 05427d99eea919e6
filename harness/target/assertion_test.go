package target_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

func TestParseAssertion(t *testing.T) {
	a, err := target.ParseAssertion([]byte(`{"antithesis_assert":{"location":{"class":"server","function":"f","file":"raft.go","begin_line":4717,"begin_column":0},` +
		`"details":{"n.group":"_meta_"},"assert_type":"reachability","display_type":"Unreachable","message":"Two leaders","id":"Two leaders","hit":true,"must_hit":false,"condition":false}}`))
	require.NoError(t, err)
	require.Equal(t, &history.Assertion{Message: "Two leaders", Type: "reachability", Hit: true, Where: "raft.go:4717", Details: `{"n.group":"_meta_"}`}, a)
	require.True(t, a.Fails())

	for _, other := range []string{`{"antithesis_sdk":{"sdk_version":"0.8.0"}}`, `{"antithesis_setup":{"status":"complete"}}`, `{"antithesis_guidance":{}}`} {
		a, err := target.ParseAssertion([]byte(other))
		require.NoError(t, err)
		require.Nil(t, a)
	}
	for _, bad := range []string{``, `{"antithesis_assert"`, `{"antithesis_assert":{"assert_type":"often","message":"x"}}`} {
		_, err := target.ParseAssertion([]byte(bad))
		require.Error(t, err, bad)
	}
	a, err = target.ParseAssertion([]byte(`{"antithesis_assert":{"assert_type":"always","details":"` + strings.Repeat("x", 5000) + `"}}`))
	require.NoError(t, err)
	require.Len(t, a.Details, 1000)
}

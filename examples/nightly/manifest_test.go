// Package nightly holds the examples of nights in shards to what those read who start
// them.
package nightly

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
)

// job decodes a manifest as strictly as a server does that is asked to: no field that it
// does not know, none in the wrong case or twice, no number where there is to be a text.
func job(t *testing.T, name string) *batch.Job {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		require.NotEqual(t, "---", strings.TrimSpace(line), "of several documents only the first would be decoded")
	}
	scheme := runtime.NewScheme()
	require.NoError(t, batch.AddToScheme(scheme))
	codecs := serializer.NewCodecFactory(scheme, serializer.EnableStrict)
	object, _, err := codecs.UniversalDeserializer().Decode(text, nil, nil)
	require.NoError(t, err, name)
	j, ok := object.(*batch.Job)
	require.True(t, ok, "%T", object)
	return j
}

// pod checks what both jobs have in common, and enumerations, which decoding does not.
func pod(t *testing.T, j *batch.Job) *core.Container {
	t.Helper()
	spec := &j.Spec.Template.Spec
	require.Equal(t, core.RestartPolicyNever, spec.RestartPolicy, "what a Job may have, with a policy for failures")
	require.Len(t, spec.Containers, 1)
	c := &spec.Containers[0]
	require.Contains(t, []core.PullPolicy{core.PullAlways, core.PullIfNotPresent, core.PullNever}, c.ImagePullPolicy)
	require.Len(t, c.VolumeMounts, 1)
	require.Len(t, spec.Volumes, 1)
	require.Equal(t, spec.Volumes[0].Name, c.VolumeMounts[0].Name)
	require.NotNil(t, spec.Volumes[0].PersistentVolumeClaim)
	return c
}

func TestShards(t *testing.T) {
	j := job(t, "kubernetes-shards.yaml")
	require.Equal(t, batch.IndexedCompletion, *j.Spec.CompletionMode)
	require.Equal(t, batch.Failed, *j.Spec.PodReplacementPolicy)
	c := pod(t, j)
	require.Contains(t, c.Args, "--shards="+strconv.Itoa(int(*j.Spec.Completions)), "Kubernetes does not tell pods how many they are")
	require.Contains(t, c.Args, "--name=$(NIGHT)")
	i := slices.IndexFunc(c.Env, func(v core.EnvVar) bool { return v.Name == "NIGHT" })
	require.GreaterOrEqual(t, i, 0)
	require.Equal(t, "metadata.labels['"+batch.JobNameLabel+"']", c.Env[i].ValueFrom.FieldRef.FieldPath)
	for _, v := range c.Env {
		require.NotEqual(t, "JOB_COMPLETION_INDEX", v.Name, "which is Kubernetes' own")
	}

	require.NotNil(t, j.Spec.BackoffLimitPerIndex, "without which an index cannot fail")
	rules := j.Spec.PodFailurePolicy.Rules
	require.Equal(t, batch.PodFailurePolicyActionIgnore, rules[0].Action, "first, since an interrupted night ends with status 2, too")
	require.Equal(t, core.DisruptionTarget, rules[0].OnPodConditions[0].Type)
	require.Equal(t, core.ConditionTrue, rules[0].OnPodConditions[0].Status)
	require.Equal(t, batch.PodFailurePolicyActionFailIndex, rules[1].Action)
	require.Equal(t, c.Name, *rules[1].OnExitCodes.ContainerName)
	require.Equal(t, batch.PodFailurePolicyOnExitCodesOpIn, rules[1].OnExitCodes.Operator)
	require.Equal(t, []int32{1, 2}, rules[1].OnExitCodes.Values)
}

func TestMerge(t *testing.T) {
	j := job(t, "kubernetes-merge.yaml")
	c := pod(t, j)
	require.Equal(t, "merge", c.Args[0])
	require.Zero(t, *j.Spec.BackoffLimit)
	shards := pod(t, job(t, "kubernetes-shards.yaml"))
	require.Equal(t, shards.Image, c.Image)
	require.Contains(t, shards.Args, "--results="+c.Args[1], "where the shards are")
}

// That what decodes is decoded strictly: each of these is refused.
func TestStrict(t *testing.T) {
	text, err := os.ReadFile("kubernetes-shards.yaml")
	require.NoError(t, err)
	scheme := runtime.NewScheme()
	require.NoError(t, batch.AddToScheme(scheme))
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	for from, to := range map[string]string{
		"completions: 4":       "completion: 4",
		"completionMode:":      "completionmode:",
		"parallelism: 4":       "parallelism: 4\n  parallelism: 5",
		"name: NIGHT":          "name: NIGHT\n              value: 8",
		"batch/v1":             "batch/v2",
		"restartPolicy: Never": "restartPolicy: no",
	} {
		require.Contains(t, string(text), from)
		_, _, err := decoder.Decode([]byte(strings.Replace(string(text), from, to, 1)), nil, nil)
		require.Error(t, err, to)
	}
}

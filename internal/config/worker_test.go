package config

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAWorkersSettingsComeFromFlagsEnvironmentAndFile(t *testing.T) {
	home := written(t, "queue: cpu\nslots: 3\ndrain_timeout: 1h\nmemory: 16g\n")
	env := variables{"MILLRACE_HOME": home, "MILLRACE_QUEUE": "gpu, highmem,gpu", "MILLRACE_ON_STOP": "leave", "MILLRACE_GPUS": "0,1"}
	store, labels, slots := "s3://bucket", "rack=7, owner = vision", 4
	got, err := Load(Flags{Store: &store, Worker: WorkerFlags{Labels: &labels, Slots: &slots}}, env)
	want := Config{
		Home: home, Store: "s3://bucket", GPUs: "0,1", Memory: "16g",
		Worker: Worker{
			Queues: []string{"gpu", "highmem"}, Slots: 4, Labels: map[string]string{"rack": "7", "owner": "vision"},
			DrainTimeout: time.Hour, OnStop: Leave,
		},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestAWrongSettingOfAWorkerIsNamed(t *testing.T) {
	text, number, long := "", 0, 1000*time.Hour
	for where, flags := range map[string]Flags{
		"--queue":         {Worker: WorkerFlags{Queues: &text}},
		"--labels":        {Worker: WorkerFlags{Labels: &text}},
		"--on-stop":       {Worker: WorkerFlags{OnStop: &text}},
		"--slots":         {Worker: WorkerFlags{Slots: &number}},
		"--drain-timeout": {Worker: WorkerFlags{DrainTimeout: &long}},
		"--memory":        {Memory: &text},
	} {
		_, err := Load(flags, variables{"HOME": t.TempDir()})
		if mistake, ok := errors.AsType[*Error](err); !ok || mistake.Where != where {
			t.Errorf("%s: got %v", where, err)
		}
	}
	for _, queue := range []string{"gpu:2", "a/b", "a b", "-q", ",", "cpu,"} {
		if _, err := Load(Flags{}, variables{"HOME": t.TempDir(), "MILLRACE_QUEUE": queue}); err == nil {
			t.Errorf("the queue %q is taken", queue)
		}
	}
}

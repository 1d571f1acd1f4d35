package azureml

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestComputesAreReadFromTheirFiles(t *testing.T) {
	two, none, idle := 2, 0, 300
	for name, test := range map[string]struct {
		text string
		set  []string
		want Compute
	}{
		"the least": {"name: small\ntype: amlcompute\n", nil, Compute{Name: "small", Type: "amlcompute"}},
		"a cluster": {`$schema: https://azuremlschemas.azureedge.net/latest/amlCompute.schema.json
name: low-pri
type: amlcompute
size: STANDARD_DS3_v2
min_instances: 0
max_instances: 2
idle_time_before_scale_down: 300
tier: LowPriority
location: westus
identity: {type: user_assigned, user_assigned_identities: [{resource_id: x}]}
queue: highmem
`, nil, Compute{Name: "low-pri", Type: "amlcompute", Size: "STANDARD_DS3_v2", MinInstances: &none, MaxInstances: &two,
			IdleSeconds: &idle, Tier: "low_priority", Location: "westus", Queue: "highmem"}},
		"an instance": {"name: mine\ntype: ComputeInstance\nschedules: {compute_start_stop: [{action: stop}]}\ntags: {a: 1}\n", nil,
			Compute{Name: "mine", Type: "computeinstance", Tags: map[string]string{"a": "1"}}},
		"an attached one": {"name: <NAME>\ntype: synapsespark\nresource_id: /subscriptions/x\n", []string{"name=pool"},
			Compute{Name: "pool", Type: "synapsespark", ResourceID: "/subscriptions/x"}},
		"flags alone": {"", []string{"name=gpu-cluster", "type=AmlCompute", "max_instances=2"},
			Compute{Name: "gpu-cluster", Type: "amlcompute", MaxInstances: &two}},
	} {
		path := ""
		if test.text != "" {
			path = filepath.Join(written(t, map[string]string{"c.yml": test.text}), "c.yml")
		}
		c, err := LoadCompute(path, LoadOptions{Set: test.set})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(test.want, *c); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestMistakesInComputesAndRegistriesAreTold(t *testing.T) {
	compute := func(path string, o LoadOptions) error { _, err := LoadCompute(path, o); return err }
	registry := func(path string, o LoadOptions) error { _, err := LoadRegistry(path, o); return err }
	for _, test := range []struct {
		load func(string, LoadOptions) error
		text string
		want string
	}{
		{compute, "type: amlcompute\n", "has no name"},
		{compute, "name: a\n", "has no type"},
		{compute, "name: a b\ntype: amlcompute\n", `c.yml:1:7: error: name "a b"`},
		{compute, "name: a\ntype: amlcluster\n", `c.yml:2:7: error: type cannot be "amlcluster"`},
		{compute, "name: a\ntype: amlcompute\nmin_instances: 3\nmax_instances: 2\n", "c.yml:4:16: error: max_instances is less"},
		{compute, "name: a\ntype: amlcompute\nmax_instances: many\n", `max_instances cannot be "many"`},
		{compute, "name: a\ntype: amlcompute\nmax_nodes: 3\n", `"max_nodes" is not a key of a compute`},
		{compute, "name: a\ntype: amlcompute\nqueue: a b\n", `queue "a b"`},
		{compute, "name: a\ntype: amlcompute\nssh_settings: {password: x}\n", `"password" is not a key of ssh_settings`},
		{compute, "command: echo\nenvironment: {image: x}\nname: a\n", `"command" is not a key of a compute`},
		{compute, "dependencies: [x]\n", "looks like a conda file"},
		{registry, "description: x\n", "has no name"},
		{registry, "name: x\nurls: y\n", `did you mean "url"`},
		{registry, "name: x\nurl: /mnt/my team\n", `c.yml:2:6: error: "/mnt/my team" is not a URL`},
		{registry, "name: x\nurl: /mnt/my team\n", "write file:///mnt/my%20team"},
		{registry, "name: x\nurl: ./shared\n", "s3://BUCKET/FOLDER"},
		{registry, "name: x\nimage: y\n", "looks like an environment"},
	} {
		path := filepath.Join(written(t, map[string]string{"c.yml": test.text}), "c.yml")
		err := test.load(path, LoadOptions{})
		var said strings.Builder
		if problems, ok := err.(Problems); ok { //nolint:errorlint // it is returned as it is
			problems.Render(&said, false)
		}
		if !strings.Contains(said.String(), test.want) {
			t.Errorf("%q: %v, want %q", test.text, said.String(), test.want)
		}
	}
}

func TestRegistriesAreReadFromTheirFiles(t *testing.T) {
	path := filepath.Join(written(t, map[string]string{"r.yml": `name: DemoRegistry2
tags: {foo: bar}
description: For demonstrations.
location: eastus
replication_locations:
  - location: eastus
    storage_config: {storage_account_hns: False}
url: s3://bucket
`}), "r.yml")
	r, err := LoadRegistry(path, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := Registry{Name: "DemoRegistry2", Description: "For demonstrations.", Location: "eastus", URL: "s3://bucket", Tags: map[string]string{"foo": "bar"}}
	if diff := cmp.Diff(want, *r); diff != "" {
		t.Error(diff)
	}
}

func TestPasswordsOfComputesAreNotTakenOver(t *testing.T) {
	path := filepath.Join(written(t, map[string]string{"c.yml": "name: a\ntype: virtualmachine\nresource_id: x\nssh_settings: {admin_username: u, admin_password: hush, ssh_key_value: hush}\n"}), "c.yml")
	c, err := LoadCompute(path, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := json.Marshal(c); strings.Contains(string(text), "hush") {
		t.Errorf("%s", text)
	}
}

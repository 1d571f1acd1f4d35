package tracking

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/metrics"
	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestAProgramIsToldWhereToReport(t *testing.T) {
	a := begin(t)
	env := map[string]string{
		"MLFLOW_TRACKING_URI": "http://elsewhere", "MLFLOW_TRACKING_PASSWORD": "secret", "MLFLOW_EXPERIMENT_NAME": "other",
		"https_proxy": "http://proxy", "HTTP_PROXY": "http://proxy", "NO_PROXY": "internal", "MLFLOW_FLASK_SERVER_SECRET_KEY": "mine",
	}
	a.Environ("rank_0", env)
	want := map[string]string{
		"MLFLOW_TRACKING_URI": "http://" + a.kept.Address, "MLFLOW_TRACKING_TOKEN": a.kept.Token, "MLFLOW_RUN_ID": "job-train",
		"MLFLOW_EXPERIMENT_NAME": "Default", "MLFLOW_EXPERIMENT_ID": "e1", "MILLRACE_METRICS": filepath.Join(a.of.Folder, "metrics.jsonl"),
		"MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true", "https_proxy": "http://proxy", "HTTP_PROXY": "http://proxy",
		"NO_PROXY": "internal,127.0.0.1", "no_proxy": "127.0.0.1", "MLFLOW_FLASK_SERVER_SECRET_KEY": "mine",
	}
	if diff := cmp.Diff(want, env); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(a.kept.Address, "127.0.0.1:") {
		t.Errorf("listens at %s", a.kept.Address)
	}
	a.Environ("rank_3", env)
	if env["MLFLOW_RUN_ID"] != "job-train-rank-3" {
		t.Errorf("got %s", env["MLFLOW_RUN_ID"])
	}
}

func TestAnotherServerIsNotGivenTheToken(t *testing.T) {
	of := step.Tracked{Job: "job", Experiment: "Default", ExperimentID: "e1", Step: "train", Run: "job-train", Folder: t.TempDir(), Note: func(string) {}}
	lines := filepath.Join(of.Folder, "metrics.jsonl")
	for _, test := range []struct {
		name, uri string
		elsewhere bool
		want      map[string]string
	}{
		{"that of the file", "", true, map[string]string{"MILLRACE_METRICS": lines, "MLFLOW_TRACKING_USERNAME": "u", "MLFLOW_EXPERIMENT_ID": "7"}},
		{"that of the worker", "http://server:5000", false, map[string]string{
			"MILLRACE_METRICS": lines, "MLFLOW_TRACKING_USERNAME": "u", "MLFLOW_TRACKING_URI": "http://server:5000", "MLFLOW_EXPERIMENT_NAME": "Default",
			"MLFLOW_RUN_CONTEXT": `{"millrace.job":"job","millrace.step":"train"}`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			of := of
			of.Elsewhere = test.elsewhere
			s, err := New(Tracker{URI: test.uri, User: "ada"}).Open(of)
			must(t, err)
			defer s.Leave()
			env := map[string]string{"MLFLOW_TRACKING_USERNAME": "u", "MLFLOW_EXPERIMENT_ID": "7"}
			s.Environ("main", env)
			if diff := cmp.Diff(test.want, env); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNothingIsMadeOfAStepThatReportsNothing(t *testing.T) {
	a := begin(t)
	report := a.Close(t.Context())
	files, err := os.ReadDir(a.of.Folder)
	must(t, err)
	if len(files) > 0 || report.Metrics != nil || report.Folders != nil || report.Models != nil {
		t.Errorf("got %v, %+v", files, report)
	}
}

func TestWhatIsLoggedIsReadBack(t *testing.T) {
	a := begin(t)
	a.call("POST runs/log-metric", `{"run_uuid":"job-train","run_id":"job-train","key":"loss","value":0.5,"timestamp":"1000","step":"1"}`)
	a.call("POST runs/log-metric", `{"run_id":"job-train","key":"loss","value":"NaN","timestamp":2000,"step":2}`)
	a.call("POST runs/log-batch", `{"run_id":"job-train","unknown":[1],
		"metrics":[{"key":"loss","value":0.25,"timestamp":3000,"step":3},{"key":"loss","value":9,"timestamp":2500,"step":2},
			{"key":"up","value":Infinity,"timestamp":1},{"key":"down","value":-Infinity,"timestamp":1}],
		"params":[{"key":"depth","value":"3"}],"tags":[{"key":"a","value":"NaN \" Infinity"},{"key":"b","value":"2"}]}`)
	a.call("POST runs/delete-tag", `{"run_id":"job-train","key":"b"}`)
	run := a.call("GET runs/get?run_id=job-train", "")
	a.wants(at(run, "run", "data", "metrics"), `[
		{"key":"loss","step":3,"timestamp":3000,"value":0.25},{"key":"up","step":0,"timestamp":1,"value":"Infinity"},
		{"key":"down","step":0,"timestamp":1,"value":"-Infinity"}]`)
	a.wants(at(run, "run", "data", "params"), `[{"key":"depth","value":"3"}]`)
	a.wants(at(run, "run", "info", "artifact_uri"), `"mlflow-artifacts:/job-train/artifacts"`)
	a.wants(at(run, "run", "info", "status"), `"RUNNING"`)
	tags := fmt.Sprint(at(run, "run", "data", "tags"))
	if !strings.Contains(tags, `NaN " Infinity`) || strings.Contains(tags, "key:b") || !strings.Contains(tags, "millrace.step") {
		t.Errorf("got %s", tags)
	}
	history := a.call("GET metrics/get-history?run_id=job-train&metric_key=loss&max_results=2", "")
	a.wants(at(history, "metrics"), `[{"key":"loss","step":1,"timestamp":1000,"value":0.5},{"key":"loss","step":2,"timestamp":2000,"value":"NaN"}]`)
	history = a.call("GET metrics/get-history?run_id=job-train&metric_key=loss&page_token="+at(history, "next_page_token").(string), "")
	a.wants(at(history, "metrics", 1, "value"), `9`)
	if want := []string{`["loss",1,0.5]`, `["loss",2,"NaN"]`, `["loss",3,0.25]`, `["loss",2,9]`, `["up",0,"Infinity"]`, `["down",0,"-Infinity"]`}; !slices.Equal(want, a.hears()) {
		t.Errorf("heard %v", a.hears())
	}
}

func TestWhatIsWrongIsRefusedInMLflowsWords(t *testing.T) {
	a := begin(t)
	long := strings.Repeat("k", 251)
	many := func(n int, one string) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	a.call("POST runs/log-parameter", `{"run_id":"job-train","key":"depth","value":"3"}`)
	a.call("POST runs/log-parameter", `{"run_id":"job-train","key":"depth","value":"3"}`)
	for _, test := range []struct{ code, call, body string }{
		{invalidValue, "POST runs/log-parameter", `{"run_id":"job-train","key":"depth","value":"4"}`},
		{invalidValue, "POST runs/log-batch", `{"run_id":"job-train","params":[{"key":"x","value":"1"},{"key":"x","value":"2"}]}`},
		{invalidValue, "POST runs/log-metric", `{"run_id":"job-train","key":"` + long + `","value":1,"timestamp":1}`},
		{invalidValue, "POST runs/log-metric", `{"run_id":"job-train","key":"../x","value":1,"timestamp":1}`},
		{invalidValue, "POST runs/log-metric", `{"run_id":"job-train","key":"a;b","value":1,"timestamp":1}`},
		{invalidValue, "POST runs/log-metric", `{"run_id":"job-train","key":"","value":1,"timestamp":1}`},
		{invalidValue, "POST runs/log-metric", `{"run_id":"job-train","key":"x","timestamp":1}`},
		{invalidValue, "POST runs/log-metric", `{"run_id":"job-train","key":"x","value":"many","timestamp":1}`},
		{invalidValue, "POST runs/log-metric", `{"run_id":"job-train","key":"x","value":1,"timestamp":-1}`},
		{invalidValue, "POST runs/log-metric", `{"run_id":"job-train","key":"x","value":1,"timestamp":1,"step":1.5}`},
		{invalidValue, "POST runs/log-metric", `{"run_id":`},
		{invalidValue, "POST runs/log-metric", `{"key":"x","value":1,"timestamp":1}`},
		{notThere, "POST runs/log-metric", `{"run_id":"other","key":"x","value":1,"timestamp":1}`},
		{notThere, "GET runs/get?run_id=job-train-rank-0", ""},
		{notThere, "GET runs/get?run_id=job-train-rank-01", ""},
		{notThere, "GET experiments/get-by-name?experiment_name=nobody", ""},
		{notThere, "GET experiments/get?experiment_id=9", ""},
		{notAllowed, "POST experiments/delete", `{"experiment_id":"e1"}`},
		{invalidValue, "POST runs/log-batch", `{"run_id":"job-train","metrics":[` + many(1001, `{"key":"x","value":1,"timestamp":1}`) + `]}`},
		{invalidValue, "POST runs/log-batch", `{"run_id":"job-train","tags":[` + many(101, `{"key":"x","value":"1"}`) + `]}`},
		{invalidValue, "POST runs/search", `{"filter":"metrics.loss >"}`},
		{invalidValue, "POST runs/search", `{"page_token":"-4"}`},
		{notThere, "GET logged-models/m-1", ""},
		{invalidValue, "POST logged-models", `{"name":"a/b"}`},
		{invalidValue, "POST registered-models/create", `{"name":"my model"}`},
		{notThere, "GET registered-models/get?name=nobody", ""},
		{notThere, "GET model-versions/get?name=nobody&version=1", ""},
		{unknownCall, "GET gateway/endpoints", ""},
		{unknownCall, "POST traces", `{"experiment_id":"0"}`},
		{unknownCall, "DELETE runs/get", ""},
	} {
		a.refused(test.code, test.call, test.body)
	}
	// A batch is taken as a whole or not at all.
	a.refused(invalidValue, "POST runs/log-batch", `{"run_id":"job-train","metrics":[{"key":"half","value":1,"timestamp":1}],"params":[{"key":"depth","value":"5"}]}`)
	if run := fmt.Sprint(a.call("GET runs/get?run_id=job-train", "")); strings.Contains(run, "half") {
		t.Errorf("got %s", run)
	}
	// What is too long is cut, as by MLflow.
	a.call("POST runs/log-parameter", `{"run_id":"job-train","key":"long","value":"`+strings.Repeat("ä", 7000)+`"}`)
	if value := fmt.Sprint(at(a.call("GET runs/get?run_id=job-train", ""), "run", "data", "params", 1, "value")); value != strings.Repeat("ä", 6000) {
		t.Errorf("kept %d bytes", len(value))
	}
	if said := a.says(); len(said) != 1 || !strings.Contains(said[0], `"long" is cut to 6000`) {
		t.Errorf("noted %q", said)
	}
}

func TestOnlyTheStepsOwnProgramIsAnswered(t *testing.T) {
	a := begin(t)
	for _, token := range []string{"", "x", a.kept.Token[1:], a.kept.Token + "x"} {
		for _, path := range []string{"/api/2.0/mlflow/runs/get?run_id=job-train", "/api/2.0/mlflow-artifacts/artifacts?path=job-train/artifacts", "/"} {
			if status, text := a.send("GET", path, token, ""); status != http.StatusUnauthorized || !strings.Contains(text, "MLFLOW_TRACKING_TOKEN") {
				t.Errorf("%q %s: got %d %s", token, path, status, text)
			}
		}
	}
	if status, text := a.send("GET", "/health", "", ""); status != http.StatusOK || text != "OK" {
		t.Errorf("got %d %s", status, text)
	}
}

func TestFilesStayInTheirFolder(t *testing.T) {
	a := begin(t)
	const top = "/api/2.0/mlflow-artifacts/artifacts/"
	secret := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(secret, []byte("secret"), 0o600))
	put := func(path string) (int, string) { return a.send("PUT", top+path, a.kept.Token, "text") }
	// Nothing may take the place of the run's folder while that is not there yet.
	if status, text := put("job-train/artifacts/"); status != http.StatusBadRequest {
		t.Fatal(status, text)
	}
	if status, text := put("job-train/artifacts/a/b.txt"); status != http.StatusOK {
		t.Fatal(status, text)
	}
	must(t, os.Symlink(secret, filepath.Join(a.of.Folder, "tracking/artifacts/job-train/link")))
	must(t, os.Symlink(filepath.Dir(secret), filepath.Join(a.of.Folder, "tracking/artifacts/job-train/out")))
	for _, path := range []string{
		"", "job-train", "job-train/artifacts", "job-train/artifacts/a", "job-train/other/a.txt", "other/artifacts/a.txt", "models/m-1/artifacts/a",
		"job-train/artifacts/../a.txt", "job-train/artifacts/%2e%2e/a.txt", "job-train/artifacts/a/../../../x", "../x", "%2e%2e%2fx",
		"job-train/artifacts//a.txt", "/etc/passwd", "job-train/artifacts/%2fetc%2f", "job-train/artifacts/a%00b", "job-train/artifacts/a%5cb",
		"job-train/artifacts/.", "job-train/artifacts/./a", "job-train/artifacts/out/x", "job-train/artifacts/a/b.txt/c",
	} {
		if status, text := put(path); status < 400 {
			t.Errorf("%s: got %d %s", path, status, text)
		}
	}
	for _, path := range []string{"job-train/artifacts/link", "job-train/artifacts/out/secret", "job-train/artifacts/nobody", "job-train/artifacts/a"} {
		if status, text := a.send("GET", top+path, a.kept.Token, ""); status != http.StatusNotFound && status != http.StatusInternalServerError {
			t.Errorf("%s: got %d %s", path, status, text)
		}
	}
	// What has been decoded once stays as it is.
	if status, text := put("job-train/artifacts/%252e%252e"); status != http.StatusOK {
		t.Errorf("got %d %s", status, text)
	}
	if _, err := os.Stat(filepath.Join(a.of.Folder, "tracking/artifacts/job-train/%2e%2e")); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(filepath.Dir(secret)); err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v", entries, err)
	}
	_, text := a.send("GET", strings.TrimSuffix(top, "/")+"?path=job-train/artifacts/a", a.kept.Token, "")
	if text != `{"files":[{"path":"b.txt","is_dir":false,"file_size":4}]}` {
		t.Errorf("got %s", text)
	}
	a.wants(a.call("GET artifacts/list?run_id=job-train&path=a", ""),
		`{"files":[{"file_size":4,"is_dir":false,"path":"a/b.txt"}],"root_uri":"mlflow-artifacts:/job-train/artifacts"}`)
	a.refused(invalidValue, "GET artifacts/list?run_id=job-train&path=../..", "")
	if status, _ := a.send("DELETE", top+"job-train/artifacts/a", a.kept.Token, ""); status != http.StatusOK {
		t.Errorf("got %d", status)
	}
	if _, err := os.Stat(secret); err != nil {
		t.Error(err)
	}
}

func TestTheNextWorkerGoesOn(t *testing.T) {
	a := begin(t)
	a.call("POST runs/log-metric", `{"run_id":"job-train","key":"loss","value":0.5,"timestamp":1000,"step":1}`)
	a.call("POST runs/set-tag", `{"run_id":"job-train","key":"colour","value":"blue"}`)
	child := fmt.Sprint(at(a.call("POST runs/create", `{"experiment_id":"e1","run_name":"child","tags":[{"key":"mlflow.parentRunId","value":"job-train"}]}`), "run", "info", "run_id"))
	a.call("POST runs/log-metric", `{"run_id":"`+child+`","key":"loss","value":7,"timestamp":1000}`)
	model := fmt.Sprint(at(a.call("POST logged-models", `{"experiment_id":"e1","name":"m","source_run_id":"job-train"}`), "model", "info", "model_id"))
	a.call("POST registered-models/create", `{"name":"net"}`)
	a.call("POST model-versions/create", `{"name":"net","source":"models:/`+model+`","run_id":"job-train"}`)
	a.write("metrics.jsonl", `{"plain": 1, "step": 1}`+"\n")
	before := a.call("POST runs/search", `{"experiment_ids":["e1"],"order_by":["attributes.run_name"]}`)
	address := a.kept.Address
	a.Leave()
	a.write("tracking/journal.jsonl", `{"run":"job-train","metrics":[{"key":"lo`)
	a.open()
	if a.kept.Address != address {
		t.Errorf("listens at %s instead of %s", a.kept.Address, address)
	}
	if diff := cmp.Diff(before, a.call("POST runs/search", `{"experiment_ids":["e1"],"order_by":["attributes.run_name"]}`)); diff != "" {
		t.Error(diff)
	}
	a.wants(at(a.call("GET logged-models/"+model, ""), "model", "info", "name"), `"m"`)
	a.wants(at(a.call("GET model-versions/get?name=net&version=1", ""), "model_version", "status"), `"READY"`)
	a.call("POST runs/log-metric", `{"run_id":"job-train","key":"loss","value":0.25,"timestamp":2000,"step":2}`)
	a.Leave()
	a.open()
	report := a.Close(t.Context())
	if got := metric(report, "loss"); got != `{"last":0.25,"min":0.25,"max":0.5,"count":2,"step":2}` {
		t.Errorf("got %s", got)
	}
	if got := metric(report, "plain"); got != `{"last":1,"min":1,"max":1,"count":1,"step":1}` {
		t.Errorf("got %s", got)
	}
	if want := []string{`["loss",1,0.5]`, `["loss",2,0.25]`, `["plain",1,1]`}; !slices.Equal(want, a.hears()) {
		t.Errorf("heard %v", a.hears())
	}
}

func TestTheRunsOfAStep(t *testing.T) {
	a := begin(t)
	// The step's run is in the experiment, whatever it is asked for as.
	a.wants(a.call("POST experiments/create", `{"name":"mine"}`), `{"experiment_id":"e1"}`)
	a.refused(alreadyThere, "POST experiments/create", `{"name":"mine"}`)
	a.wants(at(a.call("GET experiments/get-by-name?experiment_name=mine", ""), "experiment", "experiment_id"), `"e1"`)
	a.wants(at(a.call("GET experiments/get?experiment_id=e1", ""), "experiment", "name"), `"Default"`)
	a.call("POST experiments/set-experiment-tag", `{"experiment_id":"e1","key":"team","value":"a"}`)
	a.wants(at(a.call("POST experiments/search", `{"filter":"name = 'mine'"}`), "experiments", 0, "tags"), `[{"key":"team","value":"a"}]`)
	// What its program says of the end of the run is noted.
	a.wants(at(a.call("POST runs/update", `{"run_id":"job-train","status":"FINISHED","end_time":"5000","run_name":"best"}`), "run_info", "status"), `"FINISHED"`)
	a.wants(at(a.call("GET runs/get?run_id=job-train", ""), "run", "info", "run_name"), `"best"`)
	a.call("POST runs/log-metric", `{"run_id":"job-train","key":"late","value":1,"timestamp":1000}`)
	// Further processes have runs of their own.
	a.call("POST runs/log-parameter", `{"run_id":"job-train-rank-1","key":"rank","value":"1"}`)
	a.call("POST runs/log-parameter", `{"run_id":"job-train-rank-2","key":"rank","value":"2"}`)
	found := a.call("POST runs/search", "{\"filter\":\"tags.`mlflow.parentRunId` = 'job-train'\"}")
	if runs := at(found, "runs").([]any); len(runs) != 2 {
		t.Errorf("got %v", runs)
	}
	// A run that is deleted takes nothing more, and comes back.
	a.call("POST runs/delete", `{"run_id":"job-train-rank-2"}`)
	a.refused(invalidValue, "POST runs/log-metric", `{"run_id":"job-train-rank-2","key":"x","value":1,"timestamp":1}`)
	a.wants(at(a.call("POST runs/search", `{"run_view_type":"DELETED_ONLY"}`), "runs", 0, "info", "run_id"), `"job-train-rank-2"`)
	a.call("POST runs/restore", `{"run_id":"job-train-rank-2"}`)
	a.call("POST runs/log-inputs", `{"run_id":"job-train","datasets":[{"tags":[{"key":"mlflow.data.context","value":"training"}],
		"dataset":{"name":"toy","digest":"d1","source_type":"code","source":"{}"}},{"dataset":{"name":"toy","digest":"d1"}}]}`)
	if inputs := at(a.call("GET runs/get?run_id=job-train", ""), "run", "inputs", "dataset_inputs").([]any); len(inputs) != 1 {
		t.Errorf("got %v", inputs)
	}
	report := a.Close(t.Context())
	if _, ok := report.Metrics["late"]; !ok {
		t.Errorf("got %v", report.Metrics)
	}
}

func TestWhatIsKept(t *testing.T) {
	a := begin(t)
	put := func(path string) {
		t.Helper()
		if status, text := a.send("PUT", "/api/2.0/mlflow-artifacts/artifacts/"+path, a.kept.Token, "text"); status != http.StatusOK {
			t.Fatal(status, text)
		}
	}
	a.call("POST runs/log-batch", `{"run_id":"job-train","metrics":[{"key":"loss","value":2,"timestamp":1000,"step":1},{"key":"loss","value":1,"timestamp":2000,"step":2}],
		"params":[{"key":"depth","value":"3"}]}`)
	a.call("POST runs/log-metric", `{"run_id":"job-train-rank-1","key":"loss","value":5,"timestamp":1000,"step":1}`)
	put("job-train/artifacts/plots/loss.png")
	put("job-train/artifacts/old/MLmodel")
	put("job-train-rank-1/artifacts/rank.txt")
	var ids []string
	for range 2 {
		id := fmt.Sprint(at(a.call("POST logged-models", `{"experiment_id":"e1","name":"net","source_run_id":"job-train"}`), "model", "info", "model_id"))
		put("models/" + id + "/artifacts/MLmodel")
		ids = append(ids, id)
	}
	a.call("POST registered-models/create", `{"name":"net","description":"a net"}`)
	for _, source := range []string{"models:/" + ids[0], "mlflow-artifacts:/models/" + ids[1] + "/artifacts", "runs:/job-train/old", "mlflow-artifacts:/job-train/artifacts/plots", "runs:/job-train/nothing"} {
		a.call("POST model-versions/create", `{"name":"net","source":"`+source+`","tags":[{"key":"k","value":"v"}]}`)
	}
	a.refused(invalidValue, "POST model-versions/create", `{"name":"net","source":"file:///etc"}`)
	a.refused(invalidValue, "POST model-versions/create", `{"name":"net","source":"runs:/job-train/../../x"}`)
	report := a.Close(t.Context())

	var where []string
	for _, f := range report.Folders {
		must(t, filepath.WalkDir(f.Folder, func(name string, entry os.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				below, _ := filepath.Rel(f.Folder, name)
				where = append(where, filepath.Join(f.Path, below))
			}
			return err
		}))
	}
	slices.Sort(where)
	want := []string{
		"net/MLmodel", "old/MLmodel", "plots/loss.png", "tracking/metrics.parquet", "tracking/models/" + ids[0] + "/MLmodel",
		"tracking/run.json", "tracking/runs/job-train-rank-1/rank.txt",
	}
	if diff := cmp.Diff(want, where); diff != "" {
		t.Error(diff)
	}
	tags := map[string]string{"k": "v"}
	models := []pipeline.Model{
		{Name: "net", Path: "tracking/models/" + ids[0], Type: pipeline.MLflowModel, Description: "a net", Tags: tags},
		{Name: "net", Path: "net", Type: pipeline.MLflowModel, Description: "a net", Tags: tags},
		{Name: "net", Path: "old", Type: pipeline.MLflowModel, Description: "a net", Tags: tags},
		{Name: "net", Path: "plots", Type: pipeline.CustomModel, Description: "a net", Tags: tags},
	}
	if diff := cmp.Diff(models, report.Models); diff != "" {
		t.Error(diff)
	}
	if said := a.says(); len(said) != 1 || !strings.Contains(said[0], "version 5 of model net is not registered") {
		t.Errorf("noted %q", said)
	}

	data, err := os.ReadFile(filepath.Join(report.Folders[0].Folder, "metrics.parquet"))
	must(t, err)
	var points []string
	for p, err := range metrics.Read(bytes.NewReader(data), int64(len(data))) {
		must(t, err)
		points = append(points, fmt.Sprintf("%s %s %d %d %g", p.Run, p.Key, p.Step, p.Time.UnixMilli(), p.Value))
	}
	if diff := cmp.Diff([]string{"job-train loss 1 1000 2", "job-train loss 2 2000 1", "job-train-rank-1 loss 1 1000 5"}, points); diff != "" {
		t.Error(diff)
	}
	text, err := os.ReadFile(filepath.Join(report.Folders[0].Folder, "run.json"))
	must(t, err)
	var kept map[string]any
	must(t, json.Unmarshal(text, &kept))
	a.wants(at(kept, "run", "params"), `{"depth":"3"}`)
	a.wants(at(kept, "run", "run_id"), `"job-train"`)
	a.wants(at(kept, "runs", 0, "parent_run_id"), `"job-train"`)
}

func TestSayingThatValuesAreAModelsMakesNoFurtherOnes(t *testing.T) {
	a := begin(t)
	id := fmt.Sprint(at(a.call("POST logged-models", `{"experiment_id":"e1","name":"net","source_run_id":"job-train"}`), "model", "info", "model_id"))
	a.call("POST runs/log-metric", `{"run_id":"job-train","key":"loss","value":0.5,"timestamp":1000,"step":0}`)
	a.call("POST runs/log-metric", `{"run_id":"job-train","key":"loss","value":0.1,"timestamp":2000,"step":9}`)
	a.call("POST runs/log-batch", `{"run_id":"job-train","metrics":[{"key":"loss","value":0.5,"timestamp":1000,"step":0,"model_id":"`+id+`"}]}`)
	a.wants(at(a.call("GET logged-models/"+id, ""), "model", "data", "metrics", 0, "value"), `0.5`)
	report := a.Close(t.Context())
	if got := metric(report, "loss"); got != `{"last":0.1,"min":0.1,"max":0.5,"count":2,"step":9}` {
		t.Errorf("got %s", got)
	}
}

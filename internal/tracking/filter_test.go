package tracking

import (
	"math"
	"strings"
	"testing"
)

func TestFilters(t *testing.T) {
	found := map[string]any{
		"metric loss": 0.25, "metric val/f1 score": 0.5, "metric nan": math.NaN(), "param model": "tree", "param depth": "10",
		"tag my tag": "Blue", "attribute run_name": "child 1", "attribute start_time": 1000.0, "attribute status": "FINISHED", "dataset name": "toy",
	}
	look := func(kind, key string) any { return found[kind+" "+key] }
	for text, want := range map[string]bool{
		"":                                    true,
		"metrics.loss < 0.3":                  true,
		"metrics.loss<0.3 and metrics.loss>0": true,
		"metric.loss = 0.25 AND params.model='tree'":           true,
		"metrics.loss >= 0.3":                                  false,
		"metrics.`val/f1 score` = 0.5":                         true,
		`metrics."val/f1 score" != 0.5`:                        false,
		"metrics.nobody > 0":                                   false,
		"metrics.nan > 0":                                      false,
		"params.model != 'tree'":                               false,
		"params.depth = '10'":                                  true,
		"parameter.model LIKE 't%e'":                           true,
		"params.model LIKE 'T%'":                               false,
		"params.model ilike 'T_EE'":                            true,
		"tags.`my tag` = 'Blue'":                               true,
		`tag."my tag" IN ('Red', 'Blue')`:                      true,
		"tags.`my tag` NOT IN ('Red')":                         true,
		"tags.nobody IS NULL":                                  true,
		"tags.nobody IS NOT NULL":                              false,
		"attributes.status = 'FINISHED'":                       true,
		"attribute.start_time > 500":                           true,
		"start_time > 500":                                     true,
		"run_name LIKE '%1'":                                   true,
		"run.run_name = 'child 1' and datasets.name = \"toy\"": true,
		"params.model = 'a and b' and metrics.loss = 0.25":     false,
		"metrics.loss > 2.4e-1":                                true,
		"metrics.loss > -1":                                    true,
	} {
		f, err := parseFilter(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := f.holds(look); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
	for _, text := range []string{
		"metrics.loss", "metrics.loss >", "> 3", "metrics.loss > x", "metrics.loss > 'a", "params.a = 'b' or params.a = 'c'", "params.a = 'b' and",
		"nobody.a = 'b'", "params.a IN 'b'", "params.a IN ('b'", "params.a IN ()", "params.a IN ('b' 'c')", "params.a NOT LIKE 'b'", "params.a IS 3",
		"params.a = 'b' params.c = 'd'", "params.a == 'b'", "params.a = `b`", "params.a ! 'b'", strings.Repeat("a", maxFilter+1),
	} {
		if f, err := parseFilter(text); err == nil {
			t.Errorf("%.40s: got %v", text, f)
		}
	}
}

func TestOrders(t *testing.T) {
	a := begin(t)
	for _, one := range []string{`"a","metrics":[{"key":"x","value":2,"timestamp":1}]`, `"b","metrics":[{"key":"x","value":"NaN","timestamp":1}]`,
		`"c","metrics":[{"key":"x","value":3,"timestamp":1}],"params":[{"key":"p q","value":"1"}]`, `"d"`} {
		name, rest, _ := strings.Cut(one, ",")
		id, _ := at(a.call("POST runs/create", `{"run_name":`+name+`}`), "run", "info", "run_id").(string)
		if rest != "" {
			rest = "," + rest
		}
		a.call("POST runs/log-batch", `{"run_id":"`+id+`"`+rest+`}`)
	}
	for order, want := range map[string]string{
		`["metrics.x ASC","attributes.run_name"]`:       "acbd",
		`["metrics.x DESC","attributes.run_name desc"]`: "cadb",
		"[\"params.`p q` DESC\",\"run_name\"]":          "cabd",
		`["attributes.run_name DESC"]`:                  "dcba",
	} {
		got, token := "", ""
		for {
			page := a.call("POST runs/search", `{"filter":"run_name != 'train'","max_results":3,"order_by":`+order+`,"page_token":"`+token+`"}`)
			for i := 0; at(page, "runs", i) != nil; i++ {
				got += at(page, "runs", i, "info", "run_name").(string)
			}
			if token, _ = at(page, "next_page_token").(string); token == "" {
				break
			}
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", order, got, want)
		}
	}
	a.refused(invalidValue, "POST runs/search", `{"order_by":["metrics.x UP"]}`)
	a.refused(invalidValue, "POST runs/search", `{"order_by":[""]}`)
}

func FuzzFilters(f *testing.F) {
	for _, text := range []string{"metrics.`a b` > 0.3 and params.c IN ('d', 'e')", "tags.x IS NOT NULL", "run_name ILIKE '%_'", `"a'`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseFilter(text)
		if err != nil {
			return
		}
		parsed.holds(func(kind, _ string) any {
			if kind == "metric" {
				return 0.5
			}
			return "text"
		})
		for _, c := range parsed {
			if c.operator == "" {
				t.Errorf("%q: %+v", text, c)
			}
		}
	})
}

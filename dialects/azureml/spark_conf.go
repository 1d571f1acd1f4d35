package azureml

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// The properties of Spark that are checked. All others are Spark's affair.
const (
	driverCores, driverMemory                            = "spark.driver.cores", "spark.driver.memory"
	executorCores, executorMemory, executorInstances     = "spark.executor.cores", "spark.executor.memory", "spark.executor.instances"
	dynamicEnabled, dynamicLeast, dynamicMost, masterKey = "spark.dynamicAllocation.enabled", "spark.dynamicAllocation.minExecutors",
		"spark.dynamicAllocation.maxExecutors", "spark.master"
)

var (
	sparkMemory   = regexp.MustCompile(`^\d+[kKmMgGtTpP]?[bB]?$`)
	sparkProperty = regexp.MustCompile(`^[A-Za-z0-9_.:/-]+$`)
)

// sparkConf reads the properties, in the order of the file.
func (l *loader) sparkConf(n *yaml.Node) []setting {
	conf := l.mapping(n.Get("conf"), "conf")
	if conf == nil {
		return nil
	}
	var list []setting
	for _, e := range conf.Entries {
		v := l.scalar(e.Value, e.Key)
		switch {
		case v == nil:
		case !sparkProperty.MatchString(e.Key):
			l.problems.errorf(e.Pos(), "", "%s cannot name a property of Spark", quote(e.Key))
		default:
			// As it is written: Spark wants "true", not "True".
			list = append(list, setting{e.Key, newText(yaml.NewText(v.Pos(), v.Source))})
		}
	}
	return list
}

// sparkFill has the step of a node run its application. conf is what the node
// says beside its component.
func (l *loader) sparkFill(nd *node, c *component, conf []setting) {
	all := append([]setting{}, c.spark.conf...)
	for _, over := range conf {
		at := -1
		for i := range all {
			if all[i].name == over.name {
				at = i
			}
		}
		if at < 0 {
			all = append(all, over)
		} else {
			all[at] = over
		}
		nd.own = append(nd.own, over.value)
	}
	if c.inline {
		nd.own = append(nd.own, c.spark.texts()...)
	}
	nd.fill = func(f *flattener, u *unit, s *pipeline.Step) { f.sparkStep(u, s, c.spark, all) }
}

// property is one whose value is known.
type property struct{ name, value string }

// sparkStep has a step run spark-submit.
func (f *flattener) sparkStep(u *unit, s *pipeline.Step, app *spark, conf []setting) {
	var known []property
	place := map[string]yaml.Pos{}
	for _, c := range conf {
		value, at, ok := f.settingText(u.around, c.value, c.name)
		if !ok {
			return
		}
		known = append(known, property{c.name, strings.TrimSpace(value)})
		place[c.name] = at
	}
	f.checkConf(known, place)
	direct := map[string]bool{}
	for i := range s.Inputs {
		in := &s.Inputs[i]
		if in.Type.IsLiteral() {
			continue
		}
		mode := f.unitInput(u, u.node.runs.inputs.get(in.Name)).mode
		direct[in.Name] = mode == "" || mode == pipeline.Direct
		if in.Mode == pipeline.Direct {
			in.Mode = pipeline.ReadOnlyMount // it is brought to the worker, as a file
		}
	}
	var absent []string // the folders that must not be there yet
	for _, out := range s.Outputs {
		mode := pipeline.Mode("")
		for _, layer := range u.layers(out.Name) {
			if layer.mode != "" {
				mode = layer.mode
			}
		}
		if isDirect := mode == "" || mode == pipeline.Direct; isDirect {
			direct[out.Name+"\x00"] = true
			if out.Type != pipeline.URIFile && out.Name != artifacts {
				absent = append(absent, out.Name)
			}
		}
	}
	s.Command = sparkCommand(app, known, direct, absent)
}

// checkConf holds the rules on the properties that Azure knows.
func (f *flattener) checkConf(conf []property, place map[string]yaml.Pos) {
	value := map[string]string{}
	for _, p := range conf {
		value[p.name] = p.value
	}
	for _, name := range []string{driverMemory, executorMemory} {
		if v, ok := value[name]; ok && !sparkMemory.MatchString(v) {
			f.problems.errorf(place[name], "write a number with k, m, g or t behind it, such as 2g", "%s must be a size, not %s", name, quote(v))
		}
	}
	number := map[string]int{}
	for _, name := range []string{driverCores, executorCores, executorInstances, dynamicLeast, dynamicMost} {
		v, ok := value[name]
		if !ok {
			continue
		}
		n, err := strconv.Atoi(v)
		least := 1
		if name == executorInstances || name == dynamicLeast {
			least = 0
		}
		if err != nil || n < least {
			f.problems.errorf(place[name], "", "%s must be a whole number from %d on, not %s", name, least, quote(v))
			return
		}
		number[name] = n
	}
	_, hasLeast := number[dynamicLeast]
	_, hasMost := number[dynamicMost]
	enabled, said := value[dynamicEnabled]
	switch enabled = strings.ToLower(enabled); {
	case said && enabled != "true" && enabled != "false":
		f.problems.errorf(place[dynamicEnabled], "use true or false", "%s must be true or false, not %s", dynamicEnabled, quote(enabled))
	case enabled == "true" && hasLeast && hasMost && number[dynamicLeast] > number[dynamicMost]:
		f.problems.errorf(place[dynamicLeast], "", "%s is %d, more than %s, which is %d", dynamicLeast, number[dynamicLeast], dynamicMost, number[dynamicMost])
	case enabled != "true" && (hasLeast || hasMost):
		name := dynamicLeast
		if !hasLeast {
			name = dynamicMost
		}
		f.problems.errorf(place[name], `add "`+dynamicEnabled+`: true"`, "%s means nothing without dynamic allocation", name)
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/millrace-ml/millrace/internal/config"
	"github.com/millrace-ml/millrace/internal/home"
	"github.com/millrace-ml/millrace/workflows"
)

// usualRetention is how long a namespace made here keeps finished jobs. Their
// records in the store outlive it.
const usualRetention days = 30

// settling is how long a server may take to know a namespace and its search
// attributes everywhere: its parts look for news every few seconds.
const settling = 90 * time.Second

// inspectTemporal finds out what the server lacks, and makes it where that is
// asked for.
func (a *app) inspectTemporal(ctx context.Context, t config.Temporal, o *clusterOptions) []finding {
	c, err := a.dial(ctx, home.Server{Address: t.Address, Namespace: t.Namespace})
	if err != nil {
		_, hint := a.judge(err)
		return []finding{{"server", standingFailed, err.Error(), firstOf(hint, "start it, or correct TEMPORAL_ADDRESS; TLS and API keys are set by TEMPORAL_TLS and TEMPORAL_API_KEY")}}
	}
	defer c.Close()
	m := &membership{client: c, namespace: t.Namespace, options: o}
	found := []finding{m.server(ctx)}
	found = append(found, m.space(ctx))
	if !found[1].good() {
		return found
	}
	return append(found, m.attributes(ctx))
}

// membership is what a namespace has of what jobs need.
type membership struct {
	client    client.Client
	namespace string
	options   *clusterOptions
}

func (m *membership) server(ctx context.Context) finding {
	info, err := m.client.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
	if err != nil {
		return finding{"server", standingFailed, err.Error(), ""}
	}
	return finding{"server", standingReady, "Temporal " + firstOf(info.GetServerVersion(), "of unknown version"), ""}
}

// space looks for the namespace itself.
func (m *membership) space(ctx context.Context) finding {
	const name = "namespace"
	service := m.client.WorkflowService()
	d, err := service.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: m.namespace})
	var unknown *serviceerror.NamespaceNotFound
	switch {
	case errors.As(err, &unknown) && !m.options.mend:
		return finding{name, standingMissing, fmt.Sprintf("there is no namespace %q", m.namespace), "`millrace cluster init` registers it"}
	case errors.As(err, &unknown):
		return m.register(ctx)
	case err != nil:
		return finding{name, standingFailed, err.Error(), "give the key or certificate in use the right to read namespace " + m.namespace}
	}
	kept := d.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
	if want := m.options.retention.duration(); m.options.mend && want != 0 && want != kept {
		_, err := service.UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
			Namespace: m.namespace,
			Config:    &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(want)},
		})
		if err != nil {
			return finding{name, standingFailed, "set the retention: " + err.Error(), "set it where the namespace was made"}
		}
		return finding{name, standingMade, fmt.Sprintf("%s keeps finished jobs for %s now, not for %s", m.namespace, inDays(want), inDays(kept)), ""}
	}
	return finding{name, standingReady, fmt.Sprintf("%s keeps finished jobs for %s", m.namespace, inDays(kept)), ""}
}

func (m *membership) register(ctx context.Context) finding {
	retention := m.options.retention
	if retention == 0 {
		retention = usualRetention
	}
	_, err := m.client.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace:                        m.namespace,
		Description:                      "Machine-learning pipelines of Millrace",
		WorkflowExecutionRetentionPeriod: durationpb.New(retention.duration()),
	})
	var exists *serviceerror.NamespaceAlreadyExists // somebody else was quicker
	if err != nil && !errors.As(err, &exists) {
		return finding{"namespace", standingMissing, "register " + m.namespace + ": " + err.Error(),
			"have somebody who may register it; in Temporal Cloud it is made in the web interface, or by `tcld namespace create`"}
	}
	if err := m.settle(ctx, "WorkflowType = 'Pipeline'"); err != nil {
		return finding{"namespace", standingFailed, "registered, but the server does not know it yet: " + err.Error(), "repeat this in a minute"}
	}
	return finding{"namespace", standingMade, fmt.Sprintf("%s keeps finished jobs for %s", m.namespace, inDays(retention.duration())), ""}
}

// attributes looks for the search attributes of jobs.
func (m *membership) attributes(ctx context.Context) finding {
	const name = "search attributes"
	operator := m.client.OperatorService()
	known, err := operator.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: m.namespace})
	if err != nil {
		return finding{name, standingFailed, err.Error(), "give the key or certificate in use the right to read the search attributes, or add them by hand: " + byHand(m.namespace, workflows.SearchAttributes())}
	}
	wanted := workflows.SearchAttributes()
	missing := map[string]enumspb.IndexedValueType{}
	for attribute, kind := range wanted {
		switch found, ok := known.GetCustomAttributes()[attribute]; {
		case !ok:
			missing[attribute] = kind
		case found != kind:
			return finding{name, standingFailed, fmt.Sprintf("%s is of type %s, not %s", attribute, found, kind),
				"remove it, or use another namespace: a type cannot be changed"}
		}
	}
	names := strings.Join(slices.Sorted(maps.Keys(missing)), ", ")
	switch {
	case len(missing) == 0:
		return finding{name, standingReady, strings.Join(slices.Sorted(maps.Keys(wanted)), ", "), ""}
	case !m.options.mend:
		return finding{name, standingMissing, names, "`millrace cluster init` registers them"}
	}
	_, err = operator.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: m.namespace, SearchAttributes: missing})
	var exists *serviceerror.AlreadyExists // a worker was quicker
	if err != nil && !errors.As(err, &exists) {
		return finding{name, standingMissing, "register " + names + ": " + err.Error(),
			"have somebody who may: " + byHand(m.namespace, missing)}
	}
	if err := m.settle(ctx, slices.Sorted(maps.Keys(workflows.SearchAttributes()))[0]+" IS NOT NULL"); err != nil {
		return finding{name, standingFailed, "registered, but the server does not know them yet: " + err.Error(), "repeat this in a minute"}
	}
	return finding{name, standingMade, names, ""}
}

// byHand is the command line that adds search attributes in Temporal Cloud and
// elsewhere.
func byHand(namespace string, attributes map[string]enumspb.IndexedValueType) string {
	var b strings.Builder
	fmt.Fprintf(&b, "`temporal operator search-attribute create --namespace %s", namespace)
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		fmt.Fprintf(&b, " --name %s --type %s", name, attributes[name])
	}
	return b.String() + "`; in Temporal Cloud they are added in the namespace's settings, or by `tcld namespace search-attributes add`"
}

// settle waits until the server answers a query: until all its parts know what
// was registered.
func (m *membership) settle(ctx context.Context, query string) error {
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	for {
		_, err := m.client.WorkflowService().CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{
			Namespace: m.namespace, Query: query,
		})
		if err == nil {
			return nil
		}
		if sleep(ctx, time.Second) != nil {
			return err
		}
	}
}

func inDays(d time.Duration) string {
	if d%(24*time.Hour) != 0 {
		return d.String()
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

func firstOf(one, other string) string {
	if one != "" {
		return one
	}
	return other
}

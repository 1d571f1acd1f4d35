package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	temporaltrace "go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
)

// Traces sends what happens in this process to a receiver of OpenTelemetry. A
// nil *Traces does nothing.
type Traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// Tracing reports whether the environment names a receiver of traces, by
// OpenTelemetry's own conventions.
func Tracing(lookup func(string) (string, bool)) bool {
	get := func(name string) string { v, _ := lookup(name); return strings.TrimSpace(v) }
	if strings.EqualFold(get("OTEL_SDK_DISABLED"), "true") || get("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "" || get("OTEL_EXPORTER_OTLP_ENDPOINT") != ""
}

// NewTraces sends traces by OTLP over HTTP, to where the OTEL_EXPORTER_OTLP_*
// variables of the process say. A receiver that does not answer is complained
// of in the log, and costs no more than that.
func NewTraces(ctx context.Context, version string, log *slog.Logger) (*Traces, error) {
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("send traces: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "millrace"), attribute.String("service.version", version)),
		resource.WithHost(), resource.WithProcessPID(),
		resource.WithFromEnv(), // what the user says of it goes first
	)
	if err != nil {
		return nil, fmt.Errorf("send traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(&complaining{exporter, log}), sdktrace.WithResource(about))
	return &Traces{provider: provider, tracer: provider.Tracer("github.com/millrace-ml/millrace")}, nil
}

// complaining is an exporter whose errors go to the log.
type complaining struct {
	sdktrace.SpanExporter
	log *slog.Logger
}

// ExportSpans implements [sdktrace.SpanExporter].
func (c *complaining) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := c.SpanExporter.ExportSpans(ctx, spans); err != nil {
		c.log.WarnContext(ctx, "could not send traces", "spans", len(spans), "error", err)
	}
	return nil
}

// Close sends what is left.
func (t *Traces) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Interceptors are what a client of Temporal is given, so that a trace goes on
// through workflows and activities; the workers that use the client have them
// too. They write into headers only: histories replay with and without them.
func (t *Traces) Interceptors() ([]interceptor.ClientInterceptor, error) {
	if t == nil {
		return nil, nil
	}
	i, err := temporaltrace.NewTracingInterceptor(temporaltrace.TracerOptions{
		Tracer: t.tracer, DisableSignalTracing: true, DisableQueryTracing: true, AllowInvalidParentSpans: true,
	})
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	return []interceptor.ClientInterceptor{i}, nil
}

// Start begins a span of that name, below the one of the context. The function
// that it returns ends it.
func (t *Traces) Start(ctx context.Context, name string) (context.Context, func(error)) {
	if t == nil {
		return ctx, func(error) {}
	}
	ctx, span := t.tracer.Start(ctx, name)
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End(trace.WithTimestamp(time.Now()))
	}
}

// describe says of which attempt the span of the context is.
func (t *Traces) describe(ctx context.Context, a Attempt) {
	if t == nil {
		return
	}
	trace.SpanFromContext(ctx).SetAttributes(
		attribute.String("millrace.job", a.Job), attribute.String("millrace.step", a.Step),
		attribute.String("millrace.queue", a.Queue), attribute.Int("millrace.attempt", a.Number),
	)
}

// environ is the context of the span as the variables that programs with
// OpenTelemetry look for.
func (t *Traces) environ(ctx context.Context) []string {
	if t == nil {
		return nil
	}
	fields := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, fields)
	var env []string
	for _, name := range []string{"traceparent", "tracestate"} {
		if value := fields[name]; value != "" {
			env = append(env, strings.ToUpper(name)+"="+value)
		}
	}
	return env
}

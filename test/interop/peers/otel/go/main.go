// A service on net/http that asks others with it. Nothing in it speaks of fairlead: OpenTelemetry's otelhttp passes on what came with the
// request. PORT: where it listens; PROXY: host:port it asks.
package main

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/trace"
)

var client = http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport)}

func ask(ctx context.Context, path string, w http.ResponseWriter) {
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+os.Getenv("PROXY")+path, nil)
	if err != nil {
		panic(err)
	}
	r.Host = "users"
	answer, err := client.Do(r)
	if err != nil {
		http.Error(w, err.Error(), 502)
		return
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	json.NewEncoder(w).Encode(map[string]any{
		"status": answer.StatusCode, "cause": answer.Header.Get("fairlead-cause"), "body": string(body),
	})
}

func main() {
	otel.SetTracerProvider(trace.NewTracerProvider())
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	mux := http.NewServeMux()
	mux.HandleFunc("/call", func(w http.ResponseWriter, r *http.Request) {
		ask(r.Context(), r.URL.Query().Get("path"), w)
	})
	// A test that sets the override in code.
	mux.HandleFunc("/try", func(w http.ResponseWriter, r *http.Request) {
		member, err := baggage.NewMemberRaw("fairlead-dtab", "/svc/users => /svc/users-v2")
		if err != nil {
			panic(err)
		}
		bag, err := baggage.FromContext(r.Context()).SetMember(member)
		if err != nil {
			panic(err)
		}
		ask(baggage.ContextWithBaggage(r.Context(), bag), r.URL.Query().Get("path"), w)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), otelhttp.NewHandler(mux, "web")))
}

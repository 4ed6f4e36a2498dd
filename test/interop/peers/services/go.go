// A service on Go's net/http.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
)

var proxy = os.Getenv("PROXY")
var cancelled atomic.Int64

func main() {
	http.HandleFunc("/hello", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "go hello\n") })
	http.HandleFunc("/echo", echo)
	http.HandleFunc("/chunks", chunks)
	http.HandleFunc("/call", call)
	http.HandleFunc("/trailers", trailers)
	http.HandleFunc("/wait", wait)
	http.HandleFunc("/cancelled", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, cancelled.Load()) })
	panic(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), 500)
		return
	}
	w.Write(body)
}

func chunks(w http.ResponseWriter, r *http.Request) {
	for i := 0; i < 10; i++ {
		fmt.Fprintf(w, "chunk %d\n", i)
		w.(http.Flusher).Flush()
	}
}

// call asks users through the proxy. The contract with applications: copy the l5d-ctx-* headers.
func call(w http.ResponseWriter, r *http.Request) {
	request, _ := http.NewRequestWithContext(r.Context(), "GET", "http://"+proxy+"/hello", nil)
	request.Host = "users"
	for name, values := range r.Header {
		if strings.HasPrefix(strings.ToLower(name), "l5d-ctx-") {
			request.Header[name] = values
		}
	}
	users, err := http.DefaultClient.Do(request)
	if err != nil {
		http.Error(w, err.Error(), 502)
		return
	}
	defer users.Body.Close()
	fmt.Fprint(w, "go > ")
	io.Copy(w, users.Body)
}

// trailers sends back, in its own trailer, the one it got after the body.
func trailers(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	w.Header().Set("Trailer", "X-Got")
	fmt.Fprint(w, "body\n")
	w.Header().Set("X-Got", r.Trailer.Get("X-Sent"))
}

// wait answers never: it ends when its caller goes away.
func wait(w http.ResponseWriter, r *http.Request) {
	<-r.Context().Done()
	cancelled.Add(1)
}

// Work of 3 s on net/http and grpc-go, for the case `cancel`: `cancel http ADDRESS`, `cancel grpc ADDRESS`.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"
)

func say(id, what string) { fmt.Println(id, what, time.Now().UnixMilli()) }

// work takes 60 steps of 50 ms, or fewer when nobody wants it any more.
func work(id string, wanted context.Context) {
	say(id, "begun")
	defer func() { say(id, "ended") }()
	for range 60 {
		select {
		case <-wanted.Done():
			say(id, "told")
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func main() {
	switch address := os.Args[2]; os.Args[1] {
	case "http":
		serveHTTP(address)
	case "grpc":
		serveGRPC(address)
	}
}

func serveHTTP(address string) {
	wanted := func(w http.ResponseWriter, r *http.Request) { work(r.URL.Query().Get("id"), r.Context()) }
	http.HandleFunc("/unread", wanted)
	http.HandleFunc("/read", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		wanted(w, r)
	})
	http.HandleFunc("/plain", func(w http.ResponseWriter, r *http.Request) {
		work(r.URL.Query().Get("id"), context.Background())
	})
	log.Fatal(http.ListenAndServe(address, nil))
}

// A service as protoc would describe it; its messages are empty.
func serveGRPC(address string) {
	method := func(name string, wanted func(context.Context) context.Context) grpc.MethodDesc {
		return grpc.MethodDesc{MethodName: name, Handler: func(
			_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor,
		) (any, error) {
			incoming, _ := metadata.FromIncomingContext(ctx)
			work(incoming["id"][0], wanted(ctx))
			return &emptypb.Empty{}, decode(&emptypb.Empty{})
		}}
	}
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "cancel.Work", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{
		method("context", func(ctx context.Context) context.Context { return ctx }),
		method("plain", func(context.Context) context.Context { return context.Background() }),
	}}, nil)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(server.Serve(listener))
}

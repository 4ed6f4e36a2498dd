// Orders, in Go: `orders ADDRESS OTHERS` serves at ADDRESS, and finds all other services at OTHERS.
package main

import (
	"context"
	"io"
	"log"
	"net"
	"os"
	"strings"

	"fairlead.test/shop/api"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

type orders struct {
	api.UnimplementedOrdersServer
	users api.UsersClient
}

// The contract with applications: what begins with l5d-ctx- goes on with the calls made for this one. Three lines.
func withContext(ctx context.Context) context.Context {
	incoming, _ := metadata.FromIncomingContext(ctx)
	for name, values := range incoming {
		if strings.HasPrefix(name, "l5d-ctx-") {
			ctx = metadata.AppendToOutgoingContext(ctx, name, values[0])
		}
	}
	return ctx
}

func (o *orders) Last(ctx context.Context, query *api.Query) (*api.Line, error) {
	user, err := o.users.Get(withContext(ctx), query)
	if err != nil {
		return nil, err
	}
	return ordersOf(user), nil
}

func (o *orders) Follow(query *api.Query, lines api.Orders_FollowServer) error {
	users, err := o.users.Follow(withContext(lines.Context()), query)
	if err != nil {
		return err
	}
	for {
		user, err := users.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := lines.Send(ordersOf(user)); err != nil {
			return err
		}
	}
}

func ordersOf(user *api.Line) *api.Line {
	return &api.Line{Text: "orders of " + user.Text, LeftMs: user.LeftMs}
}

func main() {
	conn, err := grpc.NewClient(os.Args[2], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	api.RegisterOrdersServer(server, &orders{users: api.NewUsersClient(conn)})
	log.Fatal(server.Serve(listener))
}

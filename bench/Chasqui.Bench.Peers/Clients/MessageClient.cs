using Chasqui.Bench.Peers.Loads;
using Chasqui.Bench.Peers.Servers;
using Chasqui.Protocol.Headers;
using Chasqui.Transport;
using Chasqui.Transport.Endpoints;
using Google.Protobuf;

namespace Chasqui.Bench.Peers.Clients;

/// <summary>MCP/1 with the product's own connection and its defaults, dialled as the product's client does.</summary>
internal sealed class MessageClient(int port) : IClientPeer
{
    private readonly List<Connection> _connections = [];

    public async Task ConnectAsync(int connections)
    {
        var endpoint = WireEndpoint.Parse($"tcp://127.0.0.1:{port}");
        for (var i = 0; i < connections; i++)
        {
            var pipe = await WireDialer.DialAsync(endpoint, null, CancellationToken.None);
            var connection = Connection.Create(pipe, ConnectionRole.Connector, new ConnectionOptions());
            _connections.Add(connection);
            await connection.OpenAsync(CancellationToken.None);
        }
    }

    public IUnaryCaller Caller(int connection) => new UnaryCaller(_connections[connection]);

    public async Task StreamAsync(int connection, int tokens, TokenCounter counter, CancellationToken cancellationToken)
    {
        var headers = new HeaderList { { "op", MessageServer.Generate } };
        await using var call = await _connections[connection].StartAsync(
            headers, new TokenRequest { Tokens = tokens }.ToByteArray(), end: true, ct: cancellationToken);
        await foreach (var message in call.ReadAllAsync(cancellationToken))
        {
            using (message)
                counter.Add(Token.Parser.ParseFrom(message.Body.Span).Text);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _connections)
            await connection.DisposeAsync();
    }

    private sealed class UnaryCaller(Connection connection) : IUnaryCaller
    {
        private readonly HeaderList _headers = new() { { "op", MessageServer.Echo } };
        private readonly EchoBody _body = new() { Data = ByteString.CopyFromUtf8(Payload.Body) };

        public async ValueTask<int> CallAsync()
        {
            using var reply = await connection.CallAsync(_headers, _body.ToByteArray());
            return EchoBody.Parser.ParseFrom(reply.Body.Span).Data.Length;
        }
    }
}

using System.Text;
using Chasqui.Protocol.Headers;
using Chasqui.Transport;
using Chasqui.Transport.Endpoints;
using Google.Protobuf;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Load;

/// <summary>A connection of MCP to a gateway, for what a client library would not send.</summary>
internal sealed class WirePeer : IAsyncDisposable
{
    private WirePeer(Connection connection) => Connection = connection;

    public Connection Connection { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task<WirePeer> OpenAsync(RunningGateway gateway, string? key)
    {
        var pipe = await WireDialer.DialAsync(WireEndpoint.Parse(GatewayHost.WireAddresses(gateway.App)[0]), null, Cancellation);
        var connection = Connection.Create(pipe, ConnectionRole.Connector, new ConnectionOptions { InlineReplies = false, Authorization = key is null ? null : "Bearer " + key });
        await connection.OpenAsync(Cancellation);
        return new WirePeer(connection);
    }

    public static HeaderList Head(string op, string path = "/api/chat") => op == "http" ? new HeaderList().Add("op", op).Add("method", "POST").Add("path", path) : new HeaderList().Add("op", op);

    /// <summary>A ChatRequest of so many characters.</summary>
    public static byte[] Chat(int length) =>
        new Messages.ChatRequest { Model = "mini", Messages = { new Messages.ChatMessage { Role = "user", Content = new string('x', length) } } }.ToByteArray();

    /// <summary>Sends a whole request.</summary>
    /// <returns>The status, and what the answer's messages say.</returns>
    public async Task<(string Status, string Text)> CallAsync(string op, byte[] message)
    {
        await using var call = await Connection.StartAsync(Head(op), message, end: true, ct: Cancellation);
        return await AnswerAsync(call);
    }

    public static async Task<(string Status, string Text)> AnswerAsync(OutgoingCall call)
    {
        var head = await call.GetResponseAsync(Cancellation);
        var text = new StringBuilder();
        while (await call.ReadAsync(Cancellation) is { } part)
        {
            using (part)
                text.Append(Encoding.UTF8.GetString(part.Body.Span));
        }
        return (head["status"]!, text.ToString());
    }

    public ValueTask DisposeAsync() => Connection.DisposeAsync();
}

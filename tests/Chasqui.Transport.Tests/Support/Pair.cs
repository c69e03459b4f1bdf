using Chasqui.Protocol.Headers;

namespace Chasqui.Transport.Tests;

/// <summary>Two connections with each other.</summary>
internal sealed class Pair : IAsyncDisposable
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private Pair(Connection connector, Connection acceptor) => (Connector, Acceptor) = (connector, acceptor);

    public Connection Connector { get; }

    public Connection Acceptor { get; }

    public static HeaderList Op(string op = "test") => new HeaderList().Add("op", op);

    public static HeaderList Ok => new HeaderList().Add("status", "200");

    /// <summary>Opens both.</summary>
    /// <param name="handler">Answers at the acceptor.</param>
    /// <param name="options">Of both, except where <paramref name="connector"/> is given.</param>
    /// <param name="connector">Of the connector.</param>
    /// <param name="back">Answers at the connector.</param>
    public static async Task<Pair> OpenAsync(
        StreamHandler? handler, ConnectionOptions? options = null, ConnectionOptions? connector = null, StreamHandler? back = null)
    {
        options ??= new ConnectionOptions();
        var pipes = new PipePair();
        var pair = new Pair(
            Connection.Create(pipes.Here, ConnectionRole.Connector, connector ?? options with { InlineReplies = false }, back),
            Connection.Create(pipes.There, ConnectionRole.Acceptor, options, handler));
        await Task.WhenAll(pair.Connector.OpenAsync(), pair.Acceptor.OpenAsync()).WaitAsync(Limit);
        return pair;
    }

    /// <summary>Sends back what comes, message by message.</summary>
    public static async ValueTask EchoAsync(IncomingCall call)
    {
        await call.RespondAsync(Ok);
        while (await call.ReadAsync() is { } message)
        {
            using (message)
                await call.WriteAsync(message.Body.ToArray());
        }

        await call.CompleteAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Connector.DisposeAsync();
        await Acceptor.DisposeAsync();
    }
}

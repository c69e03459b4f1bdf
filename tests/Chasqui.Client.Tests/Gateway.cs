using System.IO.Pipelines;
using Chasqui.Protocol.Headers;
using Chasqui.Transport;
using Google.Protobuf;

namespace Chasqui.Client.Tests;

/// <summary>The other side of a client's connections, in this process; tests say how it answers.</summary>
internal sealed class Gateway : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly List<Connection> _connections = [];
    private int _dials;

    public required StreamHandler Handler { get; init; }

    /// <summary>Waited for before a dial is answered.</summary>
    public Task Open { get; set; } = Task.CompletedTask;

    /// <summary>Dials that fail first.</summary>
    public int Failures { get; set; }

    public int Dials => Volatile.Read(ref _dials);

    public IReadOnlyList<Connection> Accepted
    {
        get
        {
            lock (_gate)
                return [.. _connections];
        }
    }

    public ChasquiClient Client(Action<ChasquiClientOptions>? configure = null, TimeProvider? time = null)
    {
        var options = new ChasquiClientOptions { MinBackoff = TimeSpan.FromMilliseconds(1), MaxBackoff = TimeSpan.FromMilliseconds(5) };
        configure?.Invoke(options);
        return new ChasquiClient(options, DialAsync, time ?? TimeProvider.System);
    }

    public static HeaderList Status(int status) => new HeaderList().Add("status", status.ToString(System.Globalization.CultureInfo.InvariantCulture));

    public static ValueTask AnswerAsync(IncomingCall call, IMessage message, int status = 200, bool end = true) =>
        call.RespondAsync(Status(status), message.ToByteArray(), end);

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in Accepted)
            await connection.DisposeAsync();
    }

    private async Task<Connection> DialAsync(CancellationToken cancellationToken)
    {
        var number = Interlocked.Increment(ref _dials);
        await Open.WaitAsync(cancellationToken);
        if (number <= Failures)
            throw ClientException.Unreachable("nobody there", null);
        var there = new Pipe();
        var back = new Pipe();
        var acceptor = Connection.Create(new Duplex(there.Reader, back.Writer), ConnectionRole.Acceptor, new ConnectionOptions(), Handler);
        var connector = Connection.Create(
            new Duplex(back.Reader, there.Writer), ConnectionRole.Connector, new ConnectionOptions { InlineReplies = false });
        lock (_gate)
            _connections.Add(acceptor);
        await Task.WhenAll(acceptor.OpenAsync(cancellationToken), connector.OpenAsync(cancellationToken));
        return connector;
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}

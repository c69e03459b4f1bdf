using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Chasqui.OllamaDouble;

/// <summary>A node that behaves as Ollama does, or misbehaves as its script says. Thread-safe.</summary>
public sealed class OllamaDouble : IAsyncDisposable
{
    private readonly NodeParts _parts;
    private readonly SemaphoreSlim _gate = new(1);
    private readonly CancellationTokenSource _ended = new();
    private KestrelServer? _server;

    private OllamaDouble(NodeParts parts) => _parts = parts;

    /// <summary>Where it listens; stays the same when it stops listening and comes back.</summary>
    public Uri Address { get; private set; } = new("http://127.0.0.1:0");

    /// <summary>What it plays. Setting it applies to requests from then on; new models replace those of the store.</summary>
    /// <exception cref="ArgumentException">A value is out of its range; the message names it.</exception>
    public DoubleScript Script
    {
        get => _parts.Script;
        set => _parts.Script = value;
    }

    /// <summary>What it has seen until now.</summary>
    public DoubleState State => _parts.State;

    /// <summary>The latest requests, the oldest first.</summary>
    public IReadOnlyList<RecordedRequest> Requests => _parts.Log.Latest();

    /// <summary>Starts a double on the loopback interface.</summary>
    /// <param name="script">What it plays; null for a node with one model, <c>mini</c>.</param>
    /// <param name="time">Moves everything that takes time; null for the clock.</param>
    /// <param name="port">Its port; 0 for a free one.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="ArgumentException">A value of the script is out of its range.</exception>
    public static async Task<OllamaDouble> StartAsync(DoubleScript? script = null, TimeProvider? time = null, int port = 0, CancellationToken cancellation = default)
    {
        var node = new OllamaDouble(new NodeParts(script ?? new DoubleScript(), time ?? TimeProvider.System));
        node.Address = new Uri($"http://127.0.0.1:{port}");
        await node.ListenAsync(cancellation).ConfigureAwait(false);
        return node;
    }

    /// <summary>Waits until its state is such; looked at after each change.</summary>
    public async Task<DoubleState> WaitForAsync(Func<DoubleState, bool> met, CancellationToken cancellation = default)
    {
        DoubleState? state = null;
        await _parts.Counters.WaitAsync(() => met(state = State), cancellation).ConfigureAwait(false);
        return state!;
    }

    /// <summary>Sets counts to zero and forgets recorded requests; what is under way or loaded stays.</summary>
    public void Reset()
    {
        _parts.Counters.Reset();
        _parts.Log.Reset();
    }

    /// <summary>Refuses connections and cuts those that are open, as a process that is killed. What is loaded is lost.</summary>
    public async Task StopListeningAsync()
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_server is not { } server)
                return;
            _server = null;
            await server.StopAsync(new CancellationToken(true)).ConfigureAwait(false);
            server.Dispose();
            foreach (var model in _parts.Store.All())
                _parts.Scheduler.Expire(model);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Listens again, on the same port.</summary>
    public async Task ListenAsync(CancellationToken cancellation = default)
    {
        await _gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (_server is not null)
                return;
            var options = new KestrelServerOptions { AddServerHeader = false };
            options.Limits.MaxRequestBodySize = null;
            options.Limits.MinRequestBodyDataRate = null;
            options.Limits.MinResponseDataRate = null;
            options.Listen(IPAddress.Loopback, Address.Port, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.Use(next => connection =>
                {
                    NodeConnection.Wrap(connection, _parts);
                    return next(connection);
                });
            });
            var transport = new SocketTransportFactory(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance);
            var server = new KestrelServer(Options.Create(options), (IConnectionListenerFactory)transport, NullLoggerFactory.Instance);
            await server.StartAsync(new Application(this), cancellation).ConfigureAwait(false);
            Address = new Uri(server.Features.Get<IServerAddressesFeature>()!.Addresses.First());
            _server = server;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Stops, and cuts all connections.</summary>
    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync().ConfigureAwait(false);
        await StopListeningAsync().ConfigureAwait(false);
    }

    /// <summary>Stops listening, and listens again after a time.</summary>
    internal async Task RefuseAsync(double milliseconds)
    {
        await StopListeningAsync().ConfigureAwait(false);
        await Pace.WaitAsync(milliseconds, _parts.Time, _ended.Token).ConfigureAwait(false);
        await ListenAsync(_ended.Token).ConfigureAwait(false);
    }

    internal NodeParts Parts => _parts;
}

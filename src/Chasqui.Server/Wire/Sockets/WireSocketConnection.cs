using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Chasqui.Transport.Endpoints;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Chasqui.Server;

/// <summary>One accepted socket.</summary>
internal sealed class WireSocketConnection : ConnectionContext, IConnectionSocketFeature
{
    private static long _count;

    private IDictionary<object, object?>? _items;
    private string? _id;

    private readonly EndPoint _listened;

    /// <param name="socket">The socket.</param>
    /// <param name="listened">Where it was accepted. Asked for when it is closed already, by whoever counts connections, when the socket itself cannot tell.</param>
    public WireSocketConnection(Socket socket, EndPoint listened)
    {
        Socket = socket;
        _listened = listened;
        Transport = WirePipe.Over(socket, isMostlyIdle: true);
        Features.Set<IConnectionSocketFeature>(this);
    }

    public Socket Socket { get; }

    public override IDuplexPipe Transport { get; set; }

    public override IFeatureCollection Features { get; } = new FewFeatures();

    public override string ConnectionId
    {
        get => _id ??= Interlocked.Increment(ref _count).ToString(CultureInfo.InvariantCulture);
        set => _id = value;
    }

    public override IDictionary<object, object?> Items
    {
        get => _items ??= new ConnectionItems();
        set => _items = value;
    }

    public override EndPoint? LocalEndPoint
    {
        get => _listened;
        set => throw new NotSupportedException("where it was accepted does not change");
    }

    public override EndPoint? RemoteEndPoint => Socket.RemoteEndPoint;

    public override void Abort(ConnectionAbortedException abortReason) => Socket.Dispose();

    public override async ValueTask DisposeAsync()
    {
        // Whoever served it has usually completed both sides, which has closed the socket.
        await Transport.Input.CompleteAsync().ConfigureAwait(false);
        Socket.Dispose();
        await base.DisposeAsync().ConfigureAwait(false);
    }
}

using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Chasqui.Gateway;
using Chasqui.Gateway.Shaping;
using Microsoft.AspNetCore.Connections;

namespace Chasqui.Server;

/// <summary>
/// Bounds the connections of one transport: all of them, and those of one address. The machine's own addresses and Unix sockets have no limit of their own: a proxy may be there.
/// Thread-safe.
/// </summary>
internal sealed class ConnectionQuota(int most, IGatewaySettings settings, RefusalCounts refusals)
{
    private readonly ConcurrentDictionary<UInt128, int> _ofAddress = new();
    private int _count;

    /// <summary>Connections that are open.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Where a connection comes from; null where that is no address, or it is gone already.</summary>
    public static IPAddress? AddressOf(ConnectionContext connection)
    {
        try
        {
            return (connection.RemoteEndPoint as IPEndPoint)?.Address;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return null;
        }
    }

    /// <summary>Takes a place, to be given back with <see cref="Leave"/>.</summary>
    /// <returns>Null, or why there is none.</returns>
    public RefusalReason? TryEnter(IPAddress? from)
    {
        if (Interlocked.Increment(ref _count) > most)
        {
            Interlocked.Decrement(ref _count);
            refusals.Add(RefusalReason.Connections);
            return RefusalReason.Connections;
        }
        if (Counted(from) is not { } address)
            return null;
        if (_ofAddress.AddOrUpdate(address, 1, static (_, count) => count + 1) <= settings.Current.Limits.Load.ConnectionsPerAddress)
            return null;
        Leave(from);
        refusals.Add(RefusalReason.AddressConnections);
        return RefusalReason.AddressConnections;
    }

    /// <summary>Gives the place back.</summary>
    public void Leave(IPAddress? from)
    {
        Interlocked.Decrement(ref _count);
        if (Counted(from) is not { } address)
            return;
        while (_ofAddress.TryGetValue(address, out var count))
        {
            if (count > 1 ? _ofAddress.TryUpdate(address, count - 1, count) : _ofAddress.TryRemove(new(address, count)))
                return;
        }
    }

    private static UInt128? Counted(IPAddress? from) => from is null || IPAddress.IsLoopback(from) ? null : LoadKey.Number(from);
}

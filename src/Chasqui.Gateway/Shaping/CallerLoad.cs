using System.Net;
using System.Net.Sockets;

namespace Chasqui.Gateway.Shaping;

/// <summary>What one caller has under way: requests, event streams, and bytes of bodies. Thread-safe.</summary>
public sealed class CallerLoad
{
    private long _bytes;
    private int _requests;
    private int _subscriptions;
    private int _kept;
    private int _hasLargest;
    private int _uses = 1;

    internal CallerLoad(LoadKey key) => Key = key;

    /// <summary>Bytes of bodies that it holds.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Requests that run or wait.</summary>
    public int Requests => Volatile.Read(ref _requests);

    /// <summary>Those of its requests that are answers which run on though their client may leave.</summary>
    public int Kept => Volatile.Read(ref _kept);

    /// <summary>Event streams that are open.</summary>
    public int Subscriptions => Volatile.Read(ref _subscriptions);

    internal LoadKey Key { get; }

    internal bool TryAddBytes(long bytes, long most, out long sum)
    {
        for (var held = Bytes; (sum = held + bytes) <= most;)
        {
            var seen = Interlocked.CompareExchange(ref _bytes, sum, held);
            if (seen == held)
                return true;
            held = seen;
        }
        return false;
    }

    internal long AddBytes(long bytes) => Interlocked.Add(ref _bytes, bytes);

    /// <summary>One body at a time may be beyond what the caller may hold, so that one of several large ones always comes to its end.</summary>
    internal bool TryBeLargest() => Interlocked.Exchange(ref _hasLargest, 1) == 0;

    internal void EndLargest() => Volatile.Write(ref _hasLargest, 0);

    internal int AddRequests(int count) => Interlocked.Add(ref _requests, count);

    internal int AddKept(int count) => Interlocked.Add(ref _kept, count);

    internal int AddSubscriptions(int count) => Interlocked.Add(ref _subscriptions, count);

    /// <summary>Takes part in it, unless it has been forgotten meanwhile.</summary>
    internal bool TryUse()
    {
        for (var uses = Volatile.Read(ref _uses); uses > 0;)
        {
            var seen = Interlocked.CompareExchange(ref _uses, uses + 1, uses);
            if (seen == uses)
                return true;
            uses = seen;
        }
        return false;
    }

    /// <returns>Whether that was the last part in it.</returns>
    internal bool EndUse() => Interlocked.Decrement(ref _uses) == 0;
}

/// <summary>Who counts as one caller: a key; where there is none an address, of IPv6 its first 64 bits, since one machine can choose the rest.</summary>
/// <param name="Id">The caller's id.</param>
/// <param name="Address">The address of a caller without a key; else 0.</param>
public readonly record struct LoadKey(string Id, UInt128 Address)
{
    internal static LoadKey Of(Caller caller, IPAddress? address) =>
        ReferenceEquals(caller, Caller.Anonymous) ? new(caller.Id, address is null ? 0 : Number(address)) : new(caller.Id, 0);

    /// <summary>An address as it is counted.</summary>
    public static UInt128 Number(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        Span<byte> bytes = stackalloc byte[16];
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        if (!address.TryWriteBytes(bytes, out var written))
            return 0;
        if (address.AddressFamily == AddressFamily.InterNetworkV6 && !IPAddress.IsLoopback(address))
            written = 8;
        UInt128 number = 1;
        foreach (var b in bytes[..written])
            number = (number << 8) | b;
        return number;
    }
}

using System.Collections.Concurrent;
using System.Net;

#pragma warning disable CA1822 // What gives back is called as what takes is, whatever it needs of the object.

namespace Chasqui.Gateway.Shaping;

/// <summary>Counts what each caller has under way, and refuses what would be too much at once. Follows the settings; thread-safe, and without a lock.</summary>
/// <param name="settings">Has the limits.</param>
/// <param name="refusals">Counts what is refused.</param>
public sealed class CallerLoads(IGatewaySettings settings, RefusalCounts refusals)
{
    private static readonly TimeSpan _again = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<LoadKey, CallerLoad> _loads = new();

    /// <summary>Callers that have something under way.</summary>
    public int Count => _loads.Count;

    /// <summary>The load of a caller; to be given back with <see cref="Release"/>.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="address">Where from, which tells those apart who have no key; null where that is unknown.</param>
    public CallerLoad Use(Caller caller, IPAddress? address)
    {
        ArgumentNullException.ThrowIfNull(caller);
        var key = LoadKey.Of(caller, address);
        while (true)
        {
            if (_loads.TryGetValue(key, out var known))
            {
                if (known.TryUse())
                    return known;
                // The last one has left it, and is about to take it out.
                _loads.TryRemove(new(key, known));
            }
            var made = new CallerLoad(key);
            if (_loads.TryAdd(key, made))
                return made;
        }
    }

    /// <summary>Takes part in it a second time; each is to be given back.</summary>
    public CallerLoad Share(CallerLoad load)
    {
        ArgumentNullException.ThrowIfNull(load);
        load.TryUse();
        return load;
    }

    /// <summary>Gives a load back.</summary>
    public void Release(CallerLoad load)
    {
        ArgumentNullException.ThrowIfNull(load);
        if (load.EndUse())
            _loads.TryRemove(new(load.Key, load));
    }

    /// <summary>A request begins; <see cref="LeaveRequest"/> ends it.</summary>
    /// <param name="load">What its caller has under way.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="comesBack">
    /// Whether it may come back to a kept answer, or end one, which has a place already: it is let in as well where all places are taken by
    /// such answers, until <see cref="EnsurePlace"/>.
    /// </param>
    /// <exception cref="RateLimitedException">The caller has too many.</exception>
    public void EnterRequest(CallerLoad load, Caller caller, bool comesBack = false)
    {
        ArgumentNullException.ThrowIfNull(load);
        ArgumentNullException.ThrowIfNull(caller);
        var most = MostOf(caller);
        if (load.AddRequests(1) - (comesBack ? load.Kept : 0) <= most)
            return;
        load.AddRequests(-1);
        throw TooMany(caller, most);
    }

    /// <summary>A request that was let in to come back to a kept answer is one like others: it needs a place of its own.</summary>
    /// <exception cref="RateLimitedException">There is none.</exception>
    public void EnsurePlace(CallerLoad load, Caller caller)
    {
        ArgumentNullException.ThrowIfNull(load);
        ArgumentNullException.ThrowIfNull(caller);
        if (MostOf(caller) is var most && load.Requests > most)
            throw TooMany(caller, most);
    }

    /// <summary>
    /// A request's answer is kept, and goes on though its client may leave: its place is the answer's from now on, and <see
    /// cref="KeptPlace.Left"/> ends the request.
    /// </summary>
    public KeptPlace Keep(CallerLoad load)
    {
        ArgumentNullException.ThrowIfNull(load);
        return new KeptPlace(this, load);
    }

    private int MostOf(Caller caller) => caller.Concurrency ?? settings.Current.Limits.Load.RequestsPerCaller;

    private RateLimitedException TooMany(Caller caller, int most)
    {
        refusals.Add(RefusalReason.Requests);
        var where = caller.Concurrency is null ? "Limits:RequestsPerCaller" : "of the key";
        return new RateLimitedException(
            FormattableString.Invariant($"{NameOf(caller)} has {most} requests under way, the most at a time ({where}); try again when one has ended"), false, _again);
    }

    /// <summary>A request has ended.</summary>
    public void LeaveRequest(CallerLoad load)
    {
        ArgumentNullException.ThrowIfNull(load);
        load.AddRequests(-1);
    }

    /// <summary>An event stream begins; <see cref="LeaveSubscription"/> ends it.</summary>
    /// <exception cref="RateLimitedException">The caller has too many.</exception>
    public void EnterSubscription(CallerLoad load, Caller caller)
    {
        ArgumentNullException.ThrowIfNull(load);
        ArgumentNullException.ThrowIfNull(caller);
        var most = settings.Current.Limits.Load.SubscriptionsPerCaller;
        if (load.AddSubscriptions(1) <= most)
            return;
        load.AddSubscriptions(-1);
        refusals.Add(RefusalReason.Subscriptions);
        throw new RateLimitedException(
            FormattableString.Invariant($"{NameOf(caller)} has {most} event streams open, the most at a time (Limits:SubscriptionsPerCaller); end one first"), false, _again);
    }

    /// <summary>An event stream has ended.</summary>
    public void LeaveSubscription(CallerLoad load)
    {
        ArgumentNullException.ThrowIfNull(load);
        load.AddSubscriptions(-1);
    }

    internal static string NameOf(Caller caller) =>
        ReferenceEquals(caller, Caller.Anonymous) ? "your address" : $"key \"{(caller.Name.Length > 0 ? caller.Name : caller.Id)}\"";
}

using System.Collections.Concurrent;
using Chasqui.Gateway;
using Microsoft.Extensions.Hosting;

namespace Chasqui.Server;

/// <summary>
/// Tells what goes on without an end of its own, connections and event streams, that its key is not taken any more or does not reach so far, or that the gateway stops. One token for
/// each key and what is needed of it. Thread-safe.
/// </summary>
internal sealed class CallerSessions : IDisposable
{
    private readonly KeyRing _keys;
    private readonly ConcurrentDictionary<Need, Session> _sessions = new();
    private readonly CancellationToken _stop;
    private readonly CancellationTokenRegistration _stopping;

    public CallerSessions(KeyRing keys, IHostApplicationLifetime lifetime)
    {
        _keys = keys;
        keys.Changed += Sweep;
        _stop = lifetime.ApplicationStopping;
        _stopping = lifetime.ApplicationStopping.UnsafeRegister(static sessions => ((CallerSessions)sessions!).EndAll(_ => true), this);
    }

    /// <summary>Cancelled when the caller's connections are to end.</summary>
    public CancellationToken Of(Caller caller) => Of(new Need(caller.Id, Scopes.None, null), caller);

    /// <summary>Cancelled when the caller is to hear no more of what its tenant has.</summary>
    /// <param name="caller">Who listens.</param>
    /// <param name="scope">What its key has to reach to.</param>
    public CancellationToken Of(Caller caller, Scopes scope) => Of(new Need(caller.Id, scope, caller.Sharers), caller);

    /// <summary>Why the token of a caller was cancelled, where the gateway does not stop.</summary>
    public Exception Ended(Caller caller, Scopes scope)
    {
        if (_keys.Renew(caller) is not { } now)
            return new UnauthenticatedException("the key is not taken any more");
        return now.Has(scope)
            ? new PermissionDeniedException($"key \"{now.Name}\" belongs to another tenant now")
            : CallerGate.Lacks(now, scope);
    }

    /// <summary>Ends what belongs to keys that are gone, have expired or do not reach so far any more.</summary>
    public void Sweep() => EndAll(session => !IsMet(session));

    public void Dispose()
    {
        _keys.Changed -= Sweep;
        _stopping.Dispose();
    }

    private CancellationToken Of(in Need need, Caller caller)
    {
        var session = _sessions.GetOrAdd(need, static (need, caller) => new Session(need, caller, new CancellationTokenSource()), caller);
        // All may have been ended in between.
        return _stop.IsCancellationRequested || !IsMet(session) ? new CancellationToken(canceled: true) : session.Source.Token;
    }

    private bool IsMet(Session session) => _keys.Renew(session.Caller) is { } caller && caller.Has(session.Need.Scope)
        && (session.Need.Sharers is null || session.Need.Sharers == caller.Sharers);

    private void EndAll(Func<Session, bool> which)
    {
        foreach (var (need, session) in _sessions)
        {
            if (which(session) && _sessions.TryRemove(new(need, session)))
            {
                // Connections are many, and none of them waits for another.
                _ = session.Source.CancelAsync();
            }
        }
    }

    /// <summary>What is needed of a key.</summary>
    /// <param name="Id">The key.</param>
    /// <param name="Scope">What it has to reach to.</param>
    /// <param name="Sharers">The tenant that it must belong to; null for any.</param>
    private readonly record struct Need(string Id, Scopes Scope, string? Sharers);

    private sealed record Session(Need Need, Caller Caller, CancellationTokenSource Source);
}

using Chasqui.Protocol;

namespace Chasqui.Transport;

/// <summary>Streams whose messages wait for credit that the peer does not grant.</summary>
public sealed partial class Connection
{
    // No later than the oldest wait there is; 0 where nothing waits. So the streams are looked through only when one may be due.
    private long _waitingSince;

    /// <summary>A message of the stream begins to wait, or goes on to after a part of it has left. Under the gate.</summary>
    internal void Waits(Call call)
    {
        if (Options.StallTimeout == Timeout.InfiniteTimeSpan)
            return;
        call.WaitingSince = Options.Time.GetTimestamp();
        if (_waitingSince == 0)
            _waitingSince = call.WaitingSince;
    }

    private void ResetStalled(long now)
    {
        var limit = Options.StallTimeout;
        if (limit == Timeout.InfiniteTimeSpan)
            return;
        List<Call>? stalled = null;
        lock (Gate)
        {
            if (_waitingSince == 0 || Options.Time.GetElapsedTime(_waitingSince, now) < limit)
                return;
            _waitingSince = 0;
            foreach (var call in _calls.Values)
            {
                if (!call.HasPending)
                    continue;
                if (Options.Time.GetElapsedTime(call.WaitingSince, now) >= limit)
                    (stalled ??= []).Add(call);
                else if (_waitingSince == 0 || call.WaitingSince < _waitingSince)
                    _waitingSince = call.WaitingSince;
            }
        }
        foreach (var call in stalled ?? [])
            ResetByUs(call, ErrorCode.Deadline, FormattableString.Invariant($"no credit came for {limit.TotalSeconds:0.###} s while a message waited"));
    }

    // Whether a stream may be withheld; so they are looked through only then.
    private bool _withholds;

    /// <summary>There is no room for more of a message: its stream gets no credit until there is. Under the gate.</summary>
    internal void Withhold(Call call)
    {
        if (call.WithheldSince != 0)
            return;
        call.WithheldSince = Options.Time.GetTimestamp();
        _withholds = true;
    }

    private void GrantWithheld(long now)
    {
        if (!_withholds)
            return;
        List<Call>? refused = null;
        lock (Gate)
        {
            _withholds = false;
            foreach (var call in _calls.Values)
            {
                if (call.WithheldSince == 0)
                    continue;
                if (call.Incomplete is not { } part || part.TryReserve(Budget!, Options.MaxMessageBytes))
                {
                    call.WithheldSince = 0;
                    call.HeardAt = now;
                    if (!call.HasQueued)
                        Flow.Joined(call);
                }
                else if (Options.Time.GetElapsedTime(call.WithheldSince, now) >= Budget!.Patience)
                    (refused ??= []).Add(call);
                else
                    _withholds = true;
            }
            foreach (var call in refused ?? [])
                call.StopReading(Budget!.Refusal());
        }
        Outbox.Flush();
    }
}

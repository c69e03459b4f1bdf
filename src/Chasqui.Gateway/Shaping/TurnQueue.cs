namespace Chasqui.Gateway.Shaping;

/// <summary>
/// Those who wait, in the order in which they came. Nobody takes from a bucket for which somebody before lacks something, so a small request does not pass a large one; but who
/// waits for a bucket of its own keeps nobody else waiting. Guarded by the shaper's lock.
/// </summary>
internal sealed class TurnQueue
{
    private readonly LinkedList<Waiter> _waiting = new();
    private readonly HashSet<TokenBucket> _lacking = [];

    public int Count => _waiting.Count;

    public LinkedListNode<Waiter> Add(Waiter waiter) => _waiting.AddLast(waiter);

    /// <returns>False when it waits no longer.</returns>
    public bool Remove(LinkedListNode<Waiter> node)
    {
        if (node.List is null)
            return false;
        _waiting.Remove(node);
        return true;
    }

    /// <summary>How long a request that comes now would wait behind all others, about; null for ever.</summary>
    public TimeSpan? WaitFor(LimitView view, long tokens, long now)
    {
        var longest = TimeSpan.Zero;
        foreach (var (_, bucket, count) in view.Draws(tokens))
        {
            if (bucket.WaitFor(count, now, Ahead(bucket)) is not { } wait)
                return null;
            if (wait > longest)
                longest = wait;
        }
        return longest;
    }

    /// <summary>Lets in all whose turn it is, and refuses all whose time is over.</summary>
    /// <param name="now">The time.</param>
    /// <param name="refusal">Makes the refusal of one who has waited in vain; null where nobody is refused now.</param>
    /// <returns>How long until it is worth another look; null where nobody waits.</returns>
    public TimeSpan? Advance(long now, Func<Waiter, Exception>? refusal)
    {
        _lacking.Clear();
        TimeSpan? next = null;
        for (var node = _waiting.First; node is not null;)
        {
            var following = node.Next;
            var waiter = node.Value;
            var wait = Look(waiter, now, out var blocked);
            if (wait == TimeSpan.Zero && !blocked)
            {
                foreach (var (_, bucket, count) in waiter.View.Draws(waiter.Tokens))
                    bucket.Take(count, now);
                _waiting.Remove(node);
                waiter.LetIn();
            }
            else if (waiter.Deadline <= now && refusal is not null)
            {
                _waiting.Remove(node);
                waiter.Refuse(refusal(waiter));
            }
            else
            {
                var left = TimeSpan.FromTicks(Math.Max(0, waiter.Deadline - now));
                var own = wait > TimeSpan.Zero && wait < left ? wait : left;
                next = next is { } sooner && sooner < own ? sooner : own;
            }
            node = following;
        }
        return next;
    }

    /// <summary>What a waiter lacks itself, and whether one before it lacks something that it would take.</summary>
    private TimeSpan Look(Waiter waiter, long now, out bool blocked)
    {
        blocked = false;
        var longest = TimeSpan.Zero;
        foreach (var (_, bucket, count) in waiter.View.Draws(waiter.Tokens))
        {
            blocked |= _lacking.Contains(bucket);
            // One that was set to nothing while somebody waited for it is never filled: the deadline ends that.
            var wait = bucket.WaitFor(count, now) ?? TimeSpan.MaxValue;
            if (wait > longest)
                longest = wait;
        }
        if (longest > TimeSpan.Zero)
        {
            foreach (var (_, bucket, count) in waiter.View.Draws(waiter.Tokens))
            {
                if (bucket.WaitFor(count, now) != TimeSpan.Zero)
                    _lacking.Add(bucket);
            }
        }
        return longest;
    }

    private long Ahead(TokenBucket bucket)
    {
        var sum = 0L;
        foreach (var waiter in _waiting)
        {
            foreach (var (_, other, count) in waiter.View.Draws(waiter.Tokens))
            {
                if (ReferenceEquals(other, bucket))
                    sum += count;
            }
        }
        return sum;
    }
}

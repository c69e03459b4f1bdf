using System.Collections.Frozen;
using System.Security.Cryptography;

namespace Chasqui.Gateway;

/// <summary>The keys that hold now. Thread-safe.</summary>
/// <param name="time">For keys that expire.</param>
public sealed class KeyRing(TimeProvider time)
{
    // What an unknown id is compared with, so that it takes as long as a known one.
    private static readonly byte[] _nobody = RandomNumberGenerator.GetBytes(SHA256.HashSizeInBytes);

    private volatile FrozenDictionary<string, AccessKey> _keys = FrozenDictionary<string, AccessKey>.Empty;
    private volatile bool _always;

    /// <summary>Called after the keys were replaced. It must not throw.</summary>
    public event Action? Changed;

    /// <summary>Whether nobody is answered without a key. True as soon as there is one, and true for good after <see cref="RequireAlways"/>.</summary>
    public bool IsRequired => _always || _keys.Count > 0;

    /// <summary>How many there are, expired ones too: whoever lets the last one expire does not want the gateway to be open.</summary>
    public int Count => _keys.Count;

    /// <summary>All keys.</summary>
    public IReadOnlyCollection<AccessKey> All => _keys.Values;

    /// <summary>Asks for a key from now on, even when there is none any more.</summary>
    public void RequireAlways() => _always = true;

    /// <summary>Puts other keys in the place of all.</summary>
    public void Replace(IEnumerable<AccessKey> keys)
    {
        _keys = keys.ToFrozenDictionary(key => key.Id, StringComparer.Ordinal);
        Changed?.Invoke();
    }

    /// <summary>Who asks with a key; null for a key that is not taken, and for none where one is needed.</summary>
    /// <param name="text">The key's text; null for none.</param>
    public Caller? Find(string? text)
    {
        if (!IsRequired)
            return Caller.Anonymous;
        if (text is null)
            return null;
        var known = KeySecret.TryGetId(text, out var id) ? _keys.GetValueOrDefault(id) : null;
        // The id is public; the rest is compared in constant time, and so it is where nobody has the id.
        var same = CryptographicOperations.FixedTimeEquals(KeySecret.Hash(text), known is null ? _nobody : known.Hash.Span);
        return same && known is not null && !IsExpired(known) ? known.Caller : null;
    }

    /// <summary>The same caller as its key says now; null when the key is gone, or has expired.</summary>
    public Caller? Renew(Caller caller)
    {
        ArgumentNullException.ThrowIfNull(caller);
        if (ReferenceEquals(caller, Caller.Anonymous))
            return IsRequired ? null : caller;
        return _keys.TryGetValue(caller.Id, out var key) && !IsExpired(key) ? key.Caller : null;
    }

    /// <summary>The key in a value of <c>Authorization</c>; null where it is another kind of credential.</summary>
    public static string? FromBearer(string? authorization)
    {
        const string scheme = "Bearer ";
        return authorization is not null && authorization.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) ? authorization[scheme.Length..].Trim() : null;
    }

    private bool IsExpired(AccessKey key) => key.Expires is { } end && time.GetUtcNow() >= end;
}

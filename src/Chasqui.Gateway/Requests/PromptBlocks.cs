using System.Runtime.InteropServices;
using System.Text;

namespace Chasqui.Gateway.Requests;

/// <summary>The hashes of a prompt's blocks, by which nodes are known to have computed its beginning: <see cref="RouteRequest.Blocks"/>. Thread-safe.</summary>
internal static class PromptBlocks
{
    // The marks of ConversationReader, so that a conversation is the same over every API.
    private const byte Message = 0x1E;
    private const byte Text = 0x1F;

    [ThreadStatic]
    private static PrefixHasher? _hasher;

    /// <summary>Those of a request of types.</summary>
    /// <param name="model">The model's canonical name.</param>
    /// <param name="scope">Within whom what was computed is shared; null for those who have no key.</param>
    /// <param name="request">The request. Of images nothing is hashed.</param>
    /// <returns>A hash for each 512 bytes of UTF-8, at most 256; none for what is shorter.</returns>
    public static ulong[] Of(string model, string? scope, GenerationRequest request)
    {
        var hasher = _hasher ??= new PrefixHasher();
        hasher.Reset();
        switch (request)
        {
            case ChatRequest chat:
                if (chat.Tools is { } tools)
                    hasher.Add(JsonMarshal.GetRawUtf8Value(tools));
                foreach (var message in chat.Messages)
                    Add(hasher, message.Role, message.Content);
                break;
            case GenerateRequest generate:
                if (!string.IsNullOrEmpty(generate.System))
                    Add(hasher, "system", generate.System);
                Add(hasher, "user", generate.Prompt);
                break;
        }
        return Of(model, scope, hasher.Hashes);
    }

    /// <summary>
    /// Those of a text whose blocks were hashed: what one model has computed is of no use to another, and what was computed for one scope
    /// no matter of another.
    /// </summary>
    /// <param name="model">The model's canonical name.</param>
    /// <param name="scope">Within whom what was computed is shared; null for those who have no key.</param>
    /// <param name="hashes">Of the text alone.</param>
    public static ulong[] Of(string model, string? scope, ReadOnlySpan<ulong> hashes)
    {
        if (hashes.IsEmpty)
            return [];
        var key = (ulong)(uint)ModelNames.Comparer.GetHashCode(model) * 0x9E3779B97F4A7C15;
        if (scope is not null)
            key ^= PrefixHasher.Hash(key, MemoryMarshal.AsBytes(scope.AsSpan()));
        var keyed = new ulong[hashes.Length];
        for (var i = 0; i < keyed.Length; i++)
            keyed[i] = hashes[i] ^ key;
        return keyed;
    }

    private static void Add(PrefixHasher hasher, string role, string content)
    {
        hasher.Add(Message);
        hasher.Add(Text);
        Add(hasher, role);
        hasher.Add(Text);
        Add(hasher, content);
    }

    private static void Add(PrefixHasher hasher, ReadOnlySpan<char> text)
    {
        Span<byte> bytes = stackalloc byte[PrefixHasher.BlockBytes];
        while (!text.IsEmpty && hasher.Hashes.Length < PrefixHasher.MaxBlocks)
        {
            // A third of a block of UTF-16 always fits; a pair of surrogates is not cut.
            var length = Math.Min(text.Length, PrefixHasher.BlockBytes / 3);
            if (length < text.Length && char.IsHighSurrogate(text[length - 1]))
                length--;
            hasher.Add(bytes[..Encoding.UTF8.GetBytes(text[..length], bytes)]);
            text = text[length..];
        }
    }
}

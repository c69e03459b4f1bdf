using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Chasqui.Gateway.Merging;
using Chasqui.Gateway.Telemetry;

namespace Chasqui.Gateway.Caching;

/// <summary>Vectors that were made before, text by text and tenant by tenant; only the others are asked for. Thread-safe.</summary>
/// <param name="cache">Keeps them.</param>
/// <param name="versions">What models' names stand for.</param>
/// <param name="time">The clock.</param>
public sealed class CachedEmbeddings(AnswerCache cache, ModelVersions versions, TimeProvider time)
{
    /// <summary>Whether vectors are kept at all.</summary>
    public bool IsEnabled => cache.IsEnabled;

    /// <summary>Texts to vectors.</summary>
    /// <param name="request">The request.</param>
    /// <param name="node">The only node that may be asked; null for all.</param>
    /// <param name="make">Makes the vectors that are not known.</param>
    /// <param name="cancellationToken">The caller.</param>
    public async Task<EmbedResult> EmbedAsync(EmbedRequest request, string? node, Func<EmbedRequest, Task<EmbedResult>> make, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(make);
        var measure = RequestMeasure.Current;
        var control = measure?.Cache ?? new CacheControl();
        if (!cache.IsEnabled || versions.Of(request.Model, node) is not { } version || request.Inputs.Count == 0)
            return await make(request).ConfigureAwait(false);
        var began = time.GetTimestamp();
        var shape = Shape(request, node, version, measure);
        var keys = request.Inputs.Select(text => Key(shape, text)).ToArray();
        var vectors = new float[keys.Length][];
        var tokens = 0;
        List<int>? missing = null;
        for (var i = 0; i < keys.Length; i++)
        {
            if (!control.NoCache && await cache.FindAsync(keys[i], cancellationToken).ConfigureAwait(false) is { } found && control.Takes(found.Age))
            {
                (vectors[i], var count) = Read(found.Body.Span);
                tokens += count;
                control.Age = found.Age > control.Age ? found.Age : control.Age;
            }
            else
            {
                (missing ??= []).Add(i);
            }
        }
        control.IsHit = missing is null;
        measure?.CacheLooked("vectors", keys.Length - (missing?.Count ?? 0), missing?.Count ?? 0);
        if (missing is null)
            return new EmbedResult { Vectors = vectors, PromptTokens = tokens, TotalDuration = time.GetElapsedTime(began) };

        var made = await make(missing.Count == keys.Length ? request : request with { Inputs = [.. missing.Select(i => request.Inputs[i])] }).ConfigureAwait(false);
        var shares = new TokenShares(made.PromptTokens, missing.Sum(i => request.Inputs[i].Length + 1L));
        for (var i = 0; i < missing.Count; i++)
        {
            var at = missing[i];
            vectors[at] = made.Vectors[i];
            var share = shares.Next(request.Inputs[at].Length + 1L);
            if (!control.NoStore)
                cache.Add(keys[at], Write(made.Vectors[i], share));
        }
        return made with { Vectors = vectors, PromptTokens = tokens + made.PromptTokens };
    }

    // Who may see it, and all that makes the vector what it is.
    private static byte[] Shape(EmbedRequest request, string? node, string version, RequestMeasure? measure) => SHA256.HashData(Encoding.UTF8.GetBytes(FormattableString.Invariant(
        $"{measure?.Caller.Sharers}\0{version}\0{node}\0{request.Dimensions}\0{request.Truncate}\0{request.Normalize}\0{request.Options.NumCtx}\0{request.Options.NumBatch}")));

    private static string Key(byte[] shape, string text)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(shape);
        hash.AppendData(MemoryMarshal.AsBytes(text.AsSpan()));
        return "e:" + Convert.ToBase64String(hash.GetHashAndReset());
    }

    private static byte[] Write(float[] vector, int tokens)
    {
        Debug.Assert(BitConverter.IsLittleEndian, "vectors are kept as they are in memory");
        var bytes = new byte[sizeof(int) + (vector.Length * sizeof(float))];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, tokens);
        MemoryMarshal.AsBytes(vector.AsSpan()).CopyTo(bytes.AsSpan(sizeof(int)));
        return bytes;
    }

    private static (float[] Vector, int Tokens) Read(ReadOnlySpan<byte> bytes) =>
        (MemoryMarshal.Cast<byte, float>(bytes[sizeof(int)..]).ToArray(), BinaryPrimitives.ReadInt32LittleEndian(bytes));
}

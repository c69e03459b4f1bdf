using System.IO.Compression;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Chasqui.Engines.Http;

/// <summary>Unpacks bodies that come with <c>Content-Encoding</c> (RFC 9110, section 8.4).</summary>
public static class ContentCodings
{
    /// <summary>The codings that are understood, as a value of <c>Accept-Encoding</c>.</summary>
    public const string Accepted = "gzip, deflate, br, zstd";

    // More in a row are no body that anybody packs.
    private const int MaxInARow = 4;

    // RFC 9659: what is sent as zstd needs no larger window than 8 MiB.
    private const int MaxWindowLog = 23;

    // Else .NET takes a body that is cut off for one that has ended.
    static ContentCodings() => AppContext.SetSwitch("System.IO.Compression.UseStrictValidation", true);

    /// <summary>Reads the header's values.</summary>
    /// <param name="values">One for each line of the header; each may name several.</param>
    /// <param name="codings">The codings in the order in which they were applied; empty where the body is as it is.</param>
    /// <param name="unknown">The first that is not understood, when false is returned, or what is wrong with all of them.</param>
    public static bool TryRead(IEnumerable<string?> values, out IReadOnlyList<string> codings, out string unknown)
    {
        ArgumentNullException.ThrowIfNull(values);
        var found = new List<string>();
        (codings, unknown) = (found, "");
        foreach (var value in values)
        {
            foreach (var name in (value ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                var coding = name.ToLowerInvariant();
                if (coding == "identity")
                    continue;
                if (coding is not ("gzip" or "x-gzip" or "deflate" or "br" or "zstd") || found.Count == MaxInARow)
                {
                    unknown = found.Count == MaxInARow ? $"more than {MaxInARow} in a row" : name;
                    return false;
                }
                found.Add(coding);
            }
        }
        return true;
    }

    /// <summary>A stream of the body as it was before it was packed; reads as the bytes come, and disposes of what it reads from.</summary>
    /// <param name="packed">The body.</param>
    /// <param name="codings">In the order in which they were applied.</param>
    /// <param name="maxBytes">The most bytes that any of them may unpack to.</param>
    /// <param name="broken">Makes the exception for a body that is not what its codings say, given why.</param>
    /// <param name="tooLong">Makes the exception for one that unpacks to more.</param>
    public static Stream Unpack(Stream packed, IReadOnlyList<string> codings, long maxBytes, Func<string, Exception> broken, Func<Exception> tooLong)
    {
        ArgumentNullException.ThrowIfNull(packed);
        ArgumentNullException.ThrowIfNull(codings);
        // Each layer is bounded: what is packed twice may unpack to a great deal in between, and to nothing in the end.
        Stream stream = new UnpackedStream(packed, maxBytes, null, tooLong);
        for (var i = codings.Count - 1; i >= 0; i--)
        {
            var coding = codings[i];
            stream = new UnpackedStream(Decoder(coding, stream), maxBytes, () => broken($"it is no {coding}, or it is cut off"), tooLong);
        }
        return stream;
    }

    private static Stream Decoder(string coding, Stream packed)
    {
        switch (coding)
        {
            case "br":
                return new BrotliStream(packed, CompressionMode.Decompress);
            case "deflate":
                return new InflatingStream(packed);
            case "zstd":
                var zstd = new DecompressionStream(packed, leaveOpen: false);
                zstd.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, MaxWindowLog);
                return zstd;
            default:
                return new GZipStream(packed, CompressionMode.Decompress);
        }
    }

    /// <summary>One layer: counts what comes out of it, and tells its failures as its owner wants them.</summary>
    private sealed class UnpackedStream(Stream inner, long maxBytes, Func<Exception>? broken, Func<Exception> tooLong) : ReadStream
    {
        private long _read;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int read;
            try
            {
                read = await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (broken is not null && e is InvalidDataException or InvalidOperationException or EndOfStreamException or ZstdException)
            {
                throw broken();
            }
            _read += read;
            return _read <= maxBytes ? read : throw tooLong();
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                inner.Dispose();
            base.Dispose(disposing);
        }
    }
}

using System.IO.Compression;
using System.Text;

namespace Chasqui.Server.Tests.Hosting;

/// <summary>Packs bodies as clients and nodes do.</summary>
internal static class Packed
{
    public static byte[] Of(string coding, string text) => Of(coding, Encoding.UTF8.GetBytes(text));

    /// <param name="coding">The coding; <c>raw deflate</c> for deflate without the format around it, several after a comma.</param>
    /// <param name="bytes">The body.</param>
    public static byte[] Of(string coding, byte[] bytes)
    {
        foreach (var one in coding.Split(", "))
        {
            using var packed = new MemoryStream();
            using (var packing = Packer(one, packed))
                packing.Write(bytes);
            bytes = packed.ToArray();
        }
        return bytes;
    }

    /// <summary>The header's value for it.</summary>
    public static string Header(string coding) => coding.Replace("raw ", "", StringComparison.Ordinal);

    private static Stream Packer(string coding, Stream to) => coding switch
    {
        "gzip" => new GZipStream(to, CompressionLevel.Fastest),
        "deflate" => new ZLibStream(to, CompressionLevel.Fastest),
        "raw deflate" => new DeflateStream(to, CompressionLevel.Fastest),
        "br" => new BrotliStream(to, CompressionLevel.Fastest),
        _ => new ZstdSharp.CompressionStream(to),
    };
}

"""MRT and LRT stations, and towns: names from the Land Transport Authority and planning areas."""

from tutordex_dagster.extraction.rules.terms import Terms

STATIONS = tuple(
    name.strip()
    for name in """
    Admiralty, Aljunied, Ang Mo Kio, Bakau, Bangkit, Bartley, Bayfront, Bayshore, Beauty World,
    Bedok, Bedok North, Bedok Reservoir, Bencoolen, Bendemeer, Bishan, Boon Keng, Boon Lay, Botanic
    Gardens, Braddell, Bras Basah, Bright Hill, Buangkok, Bugis, Bukit Batok, Bukit Gombak, Bukit
    Panjang, Buona Vista, Caldecott, Canberra, Cantonment, Cashew, Changi Airport, Cheng Lim,
    Chinatown, Chinese Garden, Choa Chu Kang, City Hall, Clarke Quay, Clementi, Commonwealth,
    Compassvale, Coral Edge, Cove, Dakota, Damai, Dhoby Ghaut, Dover, Downtown, Esplanade, Eunos,
    Expo, Fajar, Farmway, Farrer Park, Farrer Road, Fernvale, Fort Canning, Gardens by the Bay,
    Geylang Bahru, Great World, Gul Circle, HarbourFront, Havelock, Haw Par Villa, Hillview, Holland
    Village, Hougang, Hume, Jalan Besar, Jelapang, Joo Koon, Jurong East, Kadaloor, Kaki Bukit,
    Kallang, Kangkar, Katong Park, Keat Hong, Kembangan, Kent Ridge, Keppel, Khatib, King Albert
    Park, Kovan, Kranji, Kupang, Labrador Park, Lakeside, Lavender, Layar, Lentor, Little India,
    Lorong Chuan, MacPherson, Marina Bay, Marina South Pier, Marine Parade, Marine Terrace,
    Marsiling, Marymount, Mattar, Maxwell, Mayflower, Meridian, Mountbatten, Napier, Newton, Nibong,
    Nicoll Highway, Novena, Oasis, one-north, Orchard, Orchard Boulevard, Outram Park, Pasir
    Panjang, Pasir Ris, Paya Lebar, Pending, Petir, Phoenix, Pioneer, Potong Pasir, Prince Edward
    Road, Promenade, Punggol, Punggol Coast, Punggol Point, Queenstown, Raffles Place, Ranggung,
    Redhill, Renjong, Riviera, Rochor, Rumbia, Sam Kee, Samudera, Segar, Sembawang, Sengkang, Senja,
    Serangoon, Shenton Way, Siglap, Simei, Sixth Avenue, Somerset, Soo Teck, South View, Springleaf,
    Stadium, Stevens, Sumang, Sungei Bedok, Tai Seng, Tampines, Tampines East, Tampines West, Tan
    Kah Kee, Tanah Merah, Tanjong Katong, Tanjong Pagar, Tanjong Rhu, Teck Lee, Teck Whye, Telok
    Ayer, Telok Blangah, Ten Mile Junction, Thanggam, Thomson, Tiong Bahru, Toa Payoh, Tongkang,
    Tuas Crescent, Tuas Link, Tuas West Road, Ubi, Upper Changi, Upper Thomson, Woodlands, Woodlands
    North, Woodlands South, Woodleigh, Xilin, Yew Tee, Yio Chu Kang, Yishun
    """.replace("\n", " ").split(",")
)

TOWNS = tuple(
    name.strip()
    for name in """
    Ang Mo Kio, Bedok, Bishan, Bukit Batok, Bukit Merah, Bukit Panjang, Bukit Timah, Choa Chu Kang,
    Clementi, Geylang, Hougang, Jurong, Jurong East, Jurong West, Kallang, Marine Parade, Pasir Ris,
    Punggol, Queenstown, Sembawang, Sengkang, Serangoon, Tampines, Tengah, Toa Payoh, Whampoa,
    Woodlands, Yishun, Novena, Tanglin, Orchard, River Valley, Newton, Holland Village, Katong, East
    Coast, Siglap, Simei, Changi, Loyang, Kembangan, Eunos, Ubi, Aljunied, Paya Lebar, Potong Pasir,
    Braddell, Thomson, Upper Thomson, Marymount, Farrer Road, Buona Vista, Commonwealth, Dover, West
    Coast, Pasir Panjang, Telok Blangah, Redhill, Tiong Bahru, Outram, Tanjong Pagar, Chinatown,
    Bugis, Little India, Lavender, Boon Lay, Lakeside, Pioneer, Yew Tee, Hillview, Admiralty,
    Marsiling, Kranji, Khatib, Yio Chu Kang, Seletar, Kovan, Buangkok, Fernvale, Compassvale,
    Rivervale, Anchorvale, Sentosa, HarbourFront, Balestier, Mountbatten, Tanjong Katong, Bayshore,
    Tanah Merah, Bidadari, Woodleigh, MacPherson, Canberra, Dakota, Sixth Avenue, Botanic Gardens,
    Holland, Chua Chu Kang, Bt Batok, Bt Panjang, Bt Timah, Bt Merah, AMK, CCK, Tg Pagar
    """.replace("\n", " ").split(",")
)

station_names = Terms((name.lower(), name) for name in STATIONS)
place_names = Terms((name.lower(), name) for name in {*STATIONS, *TOWNS})
